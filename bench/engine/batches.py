"""The order of the examples: batches as a function of (seed, epoch, position), the same for every method."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as endless

import torch
from torch import Tensor

from bench.engine.randomness import generator
from bench.engine.splits import take
from bench.method import Batch
from bench.task import Examples, Task

WINDOW = 50
"""Batches among which texts of like length are put together."""


def batches(
    task: Task,
    examples: Examples,
    size: int,
    seed: int,
    items: Tensor | None = None,
    purpose: str = "fit",
    passed: int = 0,
) -> Iterator[Batch]:
    """Endless batches of `size` augmented examples on the device of `examples`.

    Epochs follow one another without a gap, so that every example counts and every batch is full. `items`
    (a boolean tensor over the examples) keeps only some examples: the others are skipped in the shared order,
    and the draws of the rest do not change. Texts of like length share a batch.
    passed: how many batches are left out at the start; they are not made, and the others do not change.
    """
    if not len(examples) or (items is not None and not items.any()):
        raise ValueError(f"no examples to make batches of for {purpose!r}")
    device = examples.labels.device
    order = torch.empty(0, dtype=torch.long)
    draws: dict[str, Tensor] = {}
    for epoch in endless():
        new_order = torch.randperm(len(examples), generator=generator(seed, purpose, "order", epoch))
        new_draws = task.draw(len(examples), generator(seed, purpose, "draws", epoch))
        if items is not None:
            new_order = new_order[items[new_order]]
        new_draws = {name: values[new_order].to(device) for name, values in new_draws.items()}
        rest = {name: torch.cat((draws[name], values)) for name, values in new_draws.items()} if draws else new_draws
        order = torch.cat((order, new_order))
        full = len(order) - len(order) % size
        if examples.lengths is None:
            places = [torch.arange(start, start + size) for start in range(0, full, size)]
        else:
            places = of_like_length(examples.lengths[order[:full]], size, generator(seed, purpose, "lengths", epoch))
        skipped = min(passed, len(places))
        passed -= skipped
        for place in places[skipped:]:
            chosen = order[place]
            drawn = {name: values[place.to(device, non_blocking=True)] for name, values in rest.items()}
            labels = examples.labels[chosen.to(device, non_blocking=True)]
            yield Batch(task.prepare(take(examples, chosen), drawn or None), labels)
        order = order[full:]
        draws = {name: values[full:] for name, values in rest.items()}


def of_like_length(lengths: Tensor, size: int, random: torch.Generator) -> list[Tensor]:
    """The places 0..n−1 in batches of `size`: sorted by length within windows of WINDOW batches.

    The batches of a window come in random order, so that length says nothing about when an example is seen.
    """
    batches: list[Tensor] = []
    for start in range(0, len(lengths), WINDOW * size):
        window = torch.arange(start, min(start + WINDOW * size, len(lengths)))
        parts = window[lengths[window].argsort(stable=True)].split(size)
        batches += [parts[number] for number in torch.randperm(len(parts), generator=random)]
    return batches
