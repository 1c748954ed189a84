"""The contract of a task: data, a metric, its networks, its pairs and its protocols.

Modules that define tasks do not import torch when they are imported, so that listing them is instant.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """Raw examples, all in memory: inputs (n, …) as the task keeps them, labels (n,), floating for regression."""

    inputs: Any
    labels: Tensor
    lengths: Tensor | None = None
    """(n,), on the CPU, for text: how many tokens of each row are real. `inputs` is then a dict of (n, longest)."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Data:
    """The official splits. The harness carves `fit` and `select` from `train`."""

    train: Examples
    test: Examples
    further_tests: dict[str, Examples] = field(default_factory=dict)
    """Further test sets by name: their metrics stand beside those of `test`, as `NAME_metric`."""


class Task:
    """The base of every task. One instance serves one process."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    """Raise it by hand when data, splits, networks or the metric change: it is part of every key."""
    summary: ClassVar[str]
    """One line for `list tasks`."""
    note: ClassVar[str] = ""
    """What a reader of a table of this task must know, if anything: the board says it there."""
    in_aggregates: ClassVar[bool] = True
    """Whether figures over several tasks take this one in: not where nothing can be learnt from it."""
    modality: ClassVar[str]
    """`image` or `text`."""
    classes: ClassVar[int]
    """How many logits the networks give; 1: a regression."""
    class_names: tuple[str, ...] = ()
    """The names of the classes in order, where an exported student should know them."""
    input_format: str = ""
    """How a user of an exported student prepares an input, for people."""
    held_out: Sequence[int | str] = ()
    """Which rows (from 1) or files of the user's own data are `test`, where the task chose them."""
    argument: str = ""
    """How the command line names the task where that is not `name`, e.g. by a path."""
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

    def on(self, pair: Pair) -> Task:
        """The task as the networks of this pair read it: a text task takes the tokens of the pair's teacher.

        Pairs that read the data alike get the same object, whose data are then loaded once.
        """
        return self

    def load(self, data_dir: Path | None) -> Data:
        """Reads the data, from `data_dir` if given. Missing or corrupt data raise bench.errors.DataError."""
        raise NotImplementedError

    def network(self, name: str) -> nn.Module:
        """A network with fresh weights from torch's global generator. An unknown name raises UsageError."""
        raise NotImplementedError

    def resolve(self, name: str) -> str:
        """The canonical form of a network's name; an unknown one raises UsageError with the nearest names."""
        return name

    def pretrained(self, network: str) -> str | None:
        """The sha256 of the pretrained model that a network is made of; None: its name says all of it."""
        return None

    def check_teacher(self, network: str, folder: Path) -> None:
        """Raises TeacherError if what lies beside a brought teacher's weights says that this is not its network.

        The weights are known to have the network's names and shapes.
        """

    def blank(self, count: int) -> Any:
        """Raw inputs of `count` blank examples, for what needs only their shape."""
        raise NotImplementedError

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        """The augmentation draws of `count` examples, each tensor (count, …), on the CPU."""
        return {}

    def prepare(self, inputs: Any, draws: dict[str, Tensor] | None) -> Any:
        """Raw inputs on the device → what the networks take; augmented by `draws`, or plain if None.

        Of text, `inputs` has no more columns than the longest example needs, and `attention_mask` (B, N), True where
        a token is real, only if there is padding.
        """
        return inputs

    def save(self, network: nn.Module, folder: Path) -> str:
        """Writes a trained network into an empty folder, in the form that its own library loads.

        Returns the Python that loads it as `model`, from inside of the folder.
        """
        raise NotImplementedError

    @property
    def saves(self) -> bool:
        """Whether the task defines `save`."""
        return type(self).save is not Task.save

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """The metrics of a whole split, in percent points. logits (n, C) float32, labels (n,)."""
        correct = (logits.argmax(dim=1) == labels).double().mean()
        return {"accuracy": 100 * float(correct)}


def with_name(protocol: Protocol, name: str, **changes: Any) -> Protocol:
    """A protocol derived from another one."""
    return dataclasses.replace(protocol, name=name, **changes)
