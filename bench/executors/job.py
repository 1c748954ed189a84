"""What a process must know to run the cells of a plan, as plain data: it may be on another machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.cell import Cell, Skip
from bench.engine.teachers import Brought
from bench.errors import TeacherError, UsageError
from bench.method import Method
from bench.plan import pairs_of
from bench.registry import Registry
from bench.store import Mark, relative_path
from bench.task import Pair, Task


@dataclass(frozen=True)
class Ticket:
    """A cell in words, and what was on disk of it when the plan was made."""

    name: str
    """For people."""
    key: str
    mark: Mark
    path: str
    """Of its record, in the folder of its machine."""
    task: str
    pair: tuple[str, str]
    method: str
    parameters: dict[str, Any]
    protocol: str
    seed: int
    precision: str
    teacher_key: str | None
    compiled: bool
    pretrained: str | None
    budget: float

    @property
    def row(self) -> tuple[object, ...]:
        """What cells have in common that differ in the seed alone."""
        parameters = tuple(sorted(self.parameters.items()))
        return self.task, self.pair, self.method, parameters, self.protocol, self.precision, self.compiled, self.budget

    @classmethod
    def of(cls, cell: Cell, mark: Mark) -> Ticket:
        return cls(
            name=str(cell),
            key=cell.key,
            mark=mark,
            path=relative_path(cell.names),
            task=cell.task.argument or cell.task.name,
            pair=(cell.pair.teacher, cell.pair.student),
            method=cell.method.name,
            parameters=cell.method.parameters(),
            protocol=cell.protocol.name,
            seed=cell.seed,
            precision=cell.precision,
            teacher_key=cell.teacher_key,
            compiled=cell.compiled,
            pretrained=cell.pretrained,
            budget=cell.budget,
        )


@dataclass(frozen=True)
class Job:
    """Where records go, and what cells are made of. Paths are as the user gave them."""

    results: Path
    machine: str
    """The fingerprint of the hardware that the plan is for: on any other, nothing runs."""
    folder: Path
    """The working directory, absolute: relative paths start there."""
    plugins: tuple[Path, ...] = ()
    pairs: str | None = None
    """As given with --pairs: where the folders are that name networks."""
    data_dir: Path | None = None
    teacher: Path | None = None
    """The one given with --teacher."""
    export: Path | None = None
    skips: tuple[Skip, ...] = ()
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    """Variables that the process is to have."""


class Cells:
    """Tickets → cells, in the process that runs them. Plugins, tasks and a brought teacher are loaded once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._tasks: dict[str, Task] = {}

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.job.plugins)

    @cached_property
    def brought(self) -> Brought | None:
        return Brought.read(self.job.teacher) if self.job.teacher else None

    def plain(self, name: str) -> Method:
        """The method of that name with its defaults."""
        return self.registry.method(name)()

    def cell(self, ticket: Ticket) -> Cell:
        """The cell, as it was planned; one that has become another since raises UsageError."""
        if ticket.task not in self._tasks:
            task = self._tasks[ticket.task] = self.registry.task(ticket.task)
            pairs_of(task, self.job.pairs)  # so it learns where its networks' folders are
        pair = Pair(*ticket.pair)
        task = self._tasks[ticket.task].on(pair)
        cell = Cell(
            task,
            pair,
            self.registry.method(ticket.method)(**ticket.parameters),
            task.protocols[ticket.protocol],
            ticket.seed,
            ticket.precision,
            ticket.teacher_key,
            ticket.compiled,
            ticket.pretrained,
            ticket.budget,
        )
        if cell.key != ticket.key:
            raise UsageError(
                f"{ticket.name} is no longer the cell that was planned (key {cell.key[:12]}, planned "
                f"{ticket.key[:12]}): its method, task or protocol has changed since. Give the command again"
            )
        if self.brought and ticket.teacher_key and ticket.teacher_key != f"file:{self.brought.sha256}":
            raise TeacherError(
                f"the teacher {self.brought.path} has changed since the plan was made. Give the command again"
            )
        return cell
