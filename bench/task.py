"""The contract of a task: data, a metric, its networks, its pairs and its protocols.

Modules that define tasks do not import torch when they are imported, so that listing them is instant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import UsageError

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from bench.protocol import Protocol


@dataclass(frozen=True, order=True)
class Pair:
    """Teacher network → student network, by name."""

    teacher: str
    student: str

    def __str__(self) -> str:
        return f"{self.teacher}->{self.student}"

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Reads `TEACHER->STUDENT`; anything else raises UsageError."""
        teacher, arrow, student = (part.strip() for part in text.partition("->"))
        if not (arrow and teacher and student) or "->" in student:
            raise UsageError(f"pair {text!r} is not of the form 'TEACHER->STUDENT', e.g. 'resnet56->resnet20'")
        return cls(teacher, student)


@dataclass(frozen=True)
class Examples:
    """Raw examples, all in memory: inputs (n, …) as the task keeps them, labels (n,)."""

    inputs: Any
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The official splits. The harness carves `fit` and `select` from `train`."""

    train: Examples
    test: Examples


class Task:
    """The base of every task. One instance serves one process."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raise it by hand when data, splits, networks or the metric change: it is part of every key."""
    summary: ClassVar[str]
    """One line for `list tasks`."""
    note: ClassVar[str] = ""
    """What a reader of a table of this task must know, if anything: the board says it there."""
    modality: ClassVar[str]
    """`image` or `text`."""
    classes: ClassVar[int]
    metric: ClassVar[str] = "accuracy"
    """The primary metric, in percent points, more is better: a key of what `score` returns."""
    train_items: int
    """The size of the official training set, known before it is loaded."""
    test_items: int
    select_share: ClassVar[float] = 0.1
    """The share of `train` that `select` takes."""
    pairs: ClassVar[Sequence[Pair]]
    """Every pair that `list pairs` shows."""
    default_pairs: ClassVar[Sequence[Pair]]
    """The pairs that run when none are named."""
    protocols: ClassVar[dict[str, Protocol]]
    default_protocol: ClassVar[str]

    def load(self, data_dir: Path | None) -> Data:
        """Reads the data, from `data_dir` if given. Missing or corrupt data raise bench.errors.DataError."""
        raise NotImplementedError

    def network(self, name: str) -> nn.Module:
        """A network with fresh weights from torch's global generator. An unknown name raises UsageError."""
        raise NotImplementedError

    def resolve(self, name: str) -> str:
        """The canonical form of a network's name; an unknown one raises UsageError with the nearest names."""
        return name

    def blank(self, count: int) -> Any:
        """Raw inputs of `count` blank examples, for what needs only their shape."""
        raise NotImplementedError

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        """The augmentation draws of `count` examples, each tensor (count, …), on the CPU."""
        return {}

    def prepare(self, inputs: Any, draws: dict[str, Tensor] | None) -> Any:
        """Raw inputs on the device → what the networks take; augmented by `draws`, or plain if None."""
        return inputs

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """The metrics of a whole split, in percent points. logits (n, C) float32, labels (n,)."""
        correct = (logits.argmax(dim=1) == labels).double().mean()
        return {"accuracy": 100 * float(correct)}


def with_name(protocol: Protocol, name: str, **changes: Any) -> Protocol:
    """A protocol derived from another one."""
    return dataclasses.replace(protocol, name=name, **changes)
