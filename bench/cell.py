"""A cell: task × pair × method(parameters) × protocol × seed, resolved for one device. The unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bench.method import Method
from bench.names import Names
from bench.protocol import Protocol, Recipe, at_share
from bench.record import CellIdentity, MethodUse, PairNames, Versioned
from bench.task import Pair, Task


@dataclass(frozen=True)
class Skip:
    """A method that cannot take a pair: no cell comes of it."""

    method: str
    task: str
    pair: Pair
    reason: str


@dataclass(frozen=True)
class Cell:
    """One cell of a plan."""

    task: Task
    pair: Pair
    method: Method
    protocol: Protocol
    seed: int
    precision: str
    teacher_key: str | None
    """None for a method that uses no teacher."""
    compiled: bool = False
    pretrained: str | None = None
    """The sha256 of the pretrained model that the student is made of."""
    budget: float = 1.0
    """The share of the protocol's epochs that the student is given."""

    @property
    def identity(self) -> CellIdentity:
        """What the key is made of."""
        method = MethodUse(name=self.method.name, version=self.method.version, parameters=self.method.parameters())
        return CellIdentity(
            task=Versioned(name=self.task.name, version=self.task.version),
            pair=PairNames(teacher=self.pair.teacher, student=self.pair.student),
            method=method,
            protocol=self.protocol.as_dict(),
            seed=self.seed,
            precision=self.precision,
            teacher=self.teacher_key,
            compiled=self.compiled,
            pretrained=self.pretrained,
            budget=self.budget,
        )

    @cached_property
    def key(self) -> str:
        """The key of the identity."""
        return self.identity.key

    def over_seeds(self, seeds: Sequence[int]) -> list[Cell]:
        """This cell at each of the seeds, keys included: they cost a hundredth of what one alone does."""
        cells = [replace(self, seed=seed) for seed in seeds]
        for cell, key in zip(cells, self.identity.keys(seeds), strict=True):
            vars(cell)["key"] = key
        return cells

    @property
    def names(self) -> Names:
        """What its record is named after."""
        return Names(self.task.name, self.protocol.name, str(self.pair), self.method.name, self.seed, self.key)

    @property
    def recipe(self) -> Recipe:
        """How the student is trained: the schedule spans the epochs of this budget."""
        whole = self.protocol.student.resolved(self.task.resolve(self.pair.student))
        return replace(whole, epochs=whole.epochs * self.budget)

    @property
    def teacher_fit_items(self) -> int:
        """How many examples the teacher trains on: all of `fit`."""
        return self.task.train_items - self.protocol.select * round(self.task.select_share * self.task.train_items)

    @property
    def fit_items(self) -> int:
        """How many examples the student trains on."""
        return min(self.protocol.fit_items or self.teacher_fit_items, self.teacher_fit_items)

    @property
    def steps(self) -> int:
        """The budget, in optimiser steps."""
        return self.recipe.steps(self.fit_items)

    @property
    def select_items(self) -> int:
        """How many examples each evaluation reads."""
        whole = self.protocol.select * round(self.task.select_share * self.task.train_items)
        return min(self.protocol.select_items or whole, whole)

    def __str__(self) -> str:
        protocol = self.protocol.name + at_share(self.budget)
        return f"{self.method.name} · {self.task.name} · {self.pair} · {protocol} · seed {self.seed}"
