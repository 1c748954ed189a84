"""Batches: a function of seed and purpose, every example once an epoch, the same for every method."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator, Tensor

from bench.engine.batches import batches, of_like_length
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


@given(st.integers(0, 30), st.integers(1, 9), st.booleans())
def test_passed_batches_are_left_out_and_the_others_stay(passed: int, size: int, some: bool) -> None:
    items = torch.arange(10) % 3 != 0 if some else None
    made: list[Tensor] = []

    class Counted(Numbers):
        def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
            made.append(inputs)
            return super().prepare(inputs, draws)

    expected = islice(batches(Numbers(), EXAMPLES, size, 0, items), passed, passed + 5)
    ours = list(islice(batches(Counted(), EXAMPLES, size, 0, items, passed=passed), 5))
    assert len(made) == 5
    for batch, other in zip(ours, expected, strict=True):
        assert torch.equal(batch.inputs, other.inputs)
        assert torch.equal(batch.labels, other.labels)


LENGTHS = torch.randint(3, 30, (400,), generator=torch.Generator().manual_seed(2))
TEXTS = Examples(
    {
        "input_ids": torch.arange(400)[:, None] * (torch.arange(30) < LENGTHS[:, None]),
        "token_type_ids": torch.zeros(400, 30, dtype=torch.long),
    },
    torch.arange(400),
    LENGTHS,
)


class Text(Task):
    """Inputs as they come."""


def test_texts_are_cut_to_the_longest_of_their_batch_and_masked_only_where_they_differ() -> None:
    masks = 0
    for batch in islice(batches(Text(), TEXTS, 8, 0), 100):
        lengths = LENGTHS[batch.labels]
        width = int(lengths.max())
        assert {tensor.shape for tensor in batch.inputs.values()} == {(8, width)}
        mask = batch.inputs.get("attention_mask")
        assert (mask is None) == (int(lengths.min()) == width)
        if mask is not None:
            masks += 1
            assert mask.dtype == torch.bool
            assert torch.equal(mask.sum(dim=1), lengths)
            assert not (mask[:, 1:] & ~mask[:, :-1]).any()  # padding is at the end
    assert 0 < masks < 100


def test_texts_of_like_length_share_a_batch_and_every_epoch_has_every_text_once() -> None:
    stream = list(islice(batches(Text(), TEXTS, 8, 0), 100))
    for epoch in (stream[:50], stream[50:]):
        assert sorted(int(label) for batch in epoch for label in batch.labels) == list(range(400))
    padded = sum(batch.inputs["input_ids"].numel() for batch in stream) / 2
    assert padded < 1.05 * LENGTHS.sum()
    # Long and short batches come in any order.
    widths = [batch.inputs["input_ids"].shape[1] for batch in stream[:50]]
    assert widths not in (sorted(widths), sorted(widths, reverse=True))
    assert [batch.labels.tolist() for batch in islice(batches(Text(), TEXTS, 8, 0), 100)] == [
        batch.labels.tolist() for batch in stream
    ]


@pytest.mark.parametrize("passed", [1, 49, 50, 73])
def test_passed_batches_of_text_are_left_out_and_the_others_stay(passed: int) -> None:
    expected = islice(batches(Text(), TEXTS, 8, 0), passed, passed + 60)
    ours = islice(batches(Text(), TEXTS, 8, 0, passed=passed), 60)
    assert [batch.labels.tolist() for batch in ours] == [batch.labels.tolist() for batch in expected]


@given(st.lists(st.integers(1, 99), min_size=1, max_size=60), st.integers(1, 7))
def test_batches_of_like_length_are_all_places_once(lengths: list[int], size: int) -> None:
    made = of_like_length(torch.tensor(lengths), size, torch.Generator().manual_seed(0))
    assert sorted(int(place) for batch in made for place in batch) == list(range(len(lengths)))
    assert all(len(batch) == size for batch in made) or len(lengths) % size
