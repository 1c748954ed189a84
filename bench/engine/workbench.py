"""What cells of one task and protocol share in a worker: the data on the device, and how networks are built."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.engine.observe import observed
from bench.engine.observed import Observed
from bench.engine.randomness import seeded
from bench.engine.splits import Splits, carve, rows
from bench.method import Batch
from bench.protocol import Protocol
from bench.task import Task


class Workbench:
    """The splits of one (task, protocol) on one device, at one precision."""

    def __init__(
        self, task: Task, protocol: Protocol, data_dir: Path | None, device: torch.device, precision: str
    ) -> None:
        self.task = task
        self.protocol = protocol
        self.device = device
        self.precision = precision
        self.splits: Splits = carve(task, protocol, task.load(data_dir), device)

    def build(self, network: str, seed: int, role: str) -> Observed:
        """A network in train mode; its initial weights are a function of (seed, role, name)."""
        with seeded(seed, role, self.task.resolve(network)):
            module = self.task.network(network)
        if self.task.modality == "image":
            module = module.to(memory_format=torch.channels_last)
        return observed(module, self.precision).to(self.device).train()

    def blank(self, count: int) -> Batch:
        """`count` blank examples, for what needs only their shape."""
        return blank(self.task, count, self.device)


def blank(task: Task, count: int, device: torch.device) -> Batch:
    """`count` blank examples of a task, as its networks take them."""
    inputs = rows(task.blank(count), torch.arange(count), device)
    labels = torch.zeros(count, dtype=torch.float if task.classes == 1 else torch.long, device=device)
    return Batch(task.prepare(inputs, None), labels)
