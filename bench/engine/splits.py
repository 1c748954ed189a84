"""The three splits: `fit` and `select` carved from the official training set, `test` the official one.

They are fixed by the task and the protocol, never by the run (protocol.md, Fairness 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.engine.randomness import generator
from bench.errors import UsageError
from bench.protocol import Protocol
from bench.task import Data, Examples, Task


@dataclass(frozen=True)
class Splits:
    """The examples of one (task, protocol), on the device."""

    teacher_fit: Examples
    """What teachers train on: the whole of `fit`."""
    fit: Examples
    """What students train on: `fit`, or the protocol's stratified subset of it."""
    select: Examples | None
    test: Examples
    further_tests: dict[str, Examples]


def carve(task: Task, protocol: Protocol, data: Data, device: torch.device) -> Splits:
    """The splits of this task under this protocol."""
    labels = data.train.labels
    everything = torch.arange(len(labels))
    select = None
    if protocol.select:
        count = round(task.select_share * len(labels))
        chosen = stratified(labels, everything, count, f"{task.name} select")
        everything = everything[~torch.isin(everything, chosen)]
        if protocol.select_items is not None and protocol.select_items < len(chosen):
            chosen = stratified(labels, chosen, protocol.select_items, f"{task.name} select subset")
        select = chosen
    subset = everything
    if protocol.fit_items is not None and protocol.fit_items < len(everything):
        subset = stratified(labels, everything, protocol.fit_items, f"{task.name} fit subset")
    teacher_fit = pick(data.train, everything, device)
    return Splits(
        teacher_fit=teacher_fit,
        fit=teacher_fit if subset is everything else pick(data.train, subset, device),
        select=None if select is None else pick(data.train, select, device),
        test=pick(data.test, torch.arange(len(data.test)), device),
        further_tests={
            name: pick(examples, torch.arange(len(examples)), device) for name, examples in data.further_tests.items()
        },
    )


def stratified(labels: Tensor, items: Tensor, count: int, purpose: str) -> Tensor:
    """`count` of `items`, each class with its share (largest remainders), in ascending order.

    Float labels (regression) have no classes: the choice is plain random.
    """
    if count > len(items):
        raise UsageError(f"{purpose}: {count} items wanted, but there are only {len(items)}")
    random = generator(0, purpose)
    shuffled = items[torch.randperm(len(items), generator=random)]
    if labels.is_floating_point():
        return shuffled[:count].sort().values
    classes, sizes = labels[items].unique(return_counts=True)
    shares = sizes.double() * count / len(items)
    wanted = shares.floor().long()
    for extra in (shares - wanted).argsort(descending=True, stable=True)[: count - int(wanted.sum())]:
        wanted[extra] += 1
    members = [shuffled[labels[shuffled] == label][:amount] for label, amount in zip(classes, wanted, strict=True)]
    return torch.cat(members).sort().values


def pick(examples: Examples, items: Tensor, device: torch.device) -> Examples:
    """The chosen examples on the device."""
    lengths = None if examples.lengths is None else examples.lengths[items]
    return Examples(rows(examples.inputs, items, device), examples.labels[items].to(device), lengths)


def rows(inputs: Any, items: Tensor, device: torch.device) -> Any:
    """Rows of a tensor, or of every tensor of a dict."""
    if isinstance(inputs, dict):
        return {name: tensor[items].to(device) for name, tensor in inputs.items()}
    return inputs[items].to(device)


def take(examples: Examples, items: Tensor) -> Any:
    """The inputs of a batch. items: on the CPU.

    Text is cut to the longest of its examples, and has a mask only if some are shorter.
    """
    device = examples.labels.device
    # A blocking copy would wait for all the work that the device has to do still.
    on_device = items.to(device, non_blocking=True)
    if examples.lengths is None:
        return rows(examples.inputs, on_device, device)
    lengths = examples.lengths[items]
    width = int(lengths.max())
    inputs = {name: tensor[:, :width][on_device] for name, tensor in examples.inputs.items()}
    if int(lengths.min()) < width:
        inputs["attention_mask"] = (torch.arange(width) < lengths[:, None]).to(device, non_blocking=True)
    return inputs
