"""Batches: a function of seed and purpose, every example once an epoch, the same for every method."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch import Generator, Tensor

from bench.engine.batches import batches
from bench.task import Examples, Task


class Numbers(Task):
    """Prepared inputs are (position, draw), so that both can be read back."""

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        return {"shift": torch.rand(count, generator=generator)}

    def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
        return torch.stack((inputs.float(), draws["shift"]), dim=1)


class Plain(Task):
    """Without augmentation."""

    def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
        assert draws is None
        return inputs


EXAMPLES = Examples(torch.arange(10), torch.arange(10) * 7)


def seen(count: int, size: int = 4, seed: int = 0, **options: object) -> list[tuple[float, float]]:
    """(position, draw) of the first `count` examples, whole batches."""
    stream = islice(batches(Numbers(), EXAMPLES, size, seed, **options), count // size)
    rows = [row for batch in stream for row in batch.inputs.tolist()]
    return [tuple(row) for row in rows]


def test_the_same_seed_gives_the_same_batches_whatever_the_global_seed() -> None:
    first = seen(40)
    torch.manual_seed(5)
    assert seen(40) == first


def test_the_size_of_the_batches_changes_neither_order_nor_draws() -> None:
    assert seen(40, size=4) == seen(40, size=8) == seen(40, size=20)


@pytest.mark.parametrize("size", [4, 5, 10, 20])
def test_every_epoch_covers_every_example_once_without_a_gap(size: int) -> None:
    positions = [int(position) for position, _ in seen(60, size=size)]
    epochs = [positions[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 6


def test_every_batch_is_full_and_has_its_labels() -> None:
    for batch in islice(batches(Numbers(), EXAMPLES, 7, 0), 9):
        assert len(batch.labels) == 7
        assert torch.equal(batch.labels.float(), 7 * batch.inputs[:, 0])


def test_draws_are_new_in_every_epoch() -> None:
    assert len({draw for _, draw in seen(40)}) == 40


def test_left_out_items_change_neither_the_order_nor_the_draws_of_the_others() -> None:
    kept = torch.arange(10) % 3 != 0
    expected = [(position, draw) for position, draw in seen(40) if kept[int(position)]]
    assert seen(24, items=kept) == expected


@pytest.mark.parametrize("other", [{"seed": 1}, {"purpose": "quiz"}])
def test_other_seeds_and_purposes_differ_in_order_and_in_draws(other: dict) -> None:
    ours, theirs = seen(20), seen(20, **other)
    assert [position for position, _ in ours] != [position for position, _ in theirs]
    assert {draw for _, draw in ours}.isdisjoint({draw for _, draw in theirs})


def test_a_task_without_draws_is_not_augmented() -> None:
    stream = islice(batches(Plain(), EXAMPLES, 4, 0), 5)
    assert sorted(position for batch in stream for position in batch.inputs.tolist()) == sorted([*range(10)] * 2)


def test_no_examples_are_an_error_instead_of_an_endless_search() -> None:
    with pytest.raises(ValueError, match="no examples to make batches of for 'quiz'"):
        next(batches(Numbers(), EXAMPLES, 4, 0, items=torch.zeros(10, dtype=torch.bool), purpose="quiz"))
