"""The protocol: the written budget of a comparison. Data, not code: a task lists its protocols as values.

Every field is part of a cell's key, so records of one protocol stay valid until the protocol itself changes.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import math
from dataclasses import dataclass, field
from typing import Any


def at_share(budget: float) -> str:
    """` at 0.5 of its budget`; empty for all of it."""
    return "" if budget == 1 else f" at {budget:g} of its budget"


@dataclass(frozen=True)
class Schedule:
    """The learning rate over one stage, as a factor of the recipe's rate; `progress` runs from 0 to 1."""

    shape: str = "cosine"
    """`cosine` (to 0), `linear` (to 0), `steps` (times `factor` after each milestone) or `constant`."""
    warmup: float = 0.0
    """Share of the stage with a linear rise from 0."""
    milestones: tuple[float, ...] = ()
    factor: float = 0.1

    SHAPES = ("cosine", "linear", "steps", "constant")

    def __post_init__(self) -> None:
        if self.shape not in self.SHAPES:
            raise ValueError(f"schedule shape {self.shape!r} is none of {self.SHAPES}")

    def at(self, progress: float) -> float:
        """The factor at `progress`, the share of the stage that is done."""
        if progress < self.warmup:
            return progress / self.warmup
        rest = (progress - self.warmup) / (1 - self.warmup)
        if self.shape == "cosine":
            return 0.5 * (1 + math.cos(math.pi * rest))
        if self.shape == "linear":
            return 1 - rest
        if self.shape == "steps":
            return self.factor ** sum(progress >= milestone for milestone in self.milestones)
        return 1.0


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    epochs: float
    batch_size: int
    learning_rate: float
    optimiser: str = "sgd"
    """`sgd` (Nesterov off) or `adamw`."""
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: Schedule = field(default_factory=Schedule)
    gradient_clip: float | None = None
    """Largest norm of the gradient of the student with its adapters, and of each further network."""
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other values of these fields for networks whose name matches a pattern, as published recipes have them."""

    OPTIMISERS = ("sgd", "adamw")

    def __post_init__(self) -> None:
        if self.optimiser not in self.OPTIMISERS:
            raise ValueError(f"optimiser {self.optimiser!r} is none of {self.OPTIMISERS}")

    def steps(self, items: int) -> int:
        """The optimiser steps of all epochs over so many examples."""
        return int(self.epochs * items // self.batch_size)

    def resolved(self, network: str) -> Recipe:
        """The recipe for the network of this name: the first override that matches is applied, none is left."""
        changes = next((each for name, each in self.overrides.items() if fnmatch.fnmatch(network, name)), {})
        return dataclasses.replace(self, overrides={}, **changes)


@dataclass(frozen=True)
class Protocol:
    """Splits, budgets, evaluation cadence, precision, and the methods that have a role on the board."""

    name: str
    student: Recipe
    teacher: Recipe
    version: int = 1
    select: bool = True
    """Whether `select` is carved from the official training set. Without it there is no target."""
    fit_items: int | None = None
    """Students train on a fixed, stratified subset of `fit` of at most this size, teachers on all of it."""
    select_items: int | None = None
    """`select` is cut to a fixed, stratified subset of at most this size."""
    evaluations: int = 40
    """Evaluations on `select`, equally spaced in student samples, the same for every method."""
    precision: str = "auto"
    """`float32`, `bfloat16` (autocast) or `auto`: bfloat16 where the device has instructions for it."""
    target: str = "pkd"
    """The method whose value others must match."""
    target_margin: float = 0.3
    """δ, in points of the metric."""
    target_seeds: int = 5
    """A target needs at least this many seeds."""
    window: int = 3
    """Evaluations in the smoothed metric m."""
    controls: tuple[str, ...] = ("scratch", "kd")
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Hyperparameters that this protocol pins: method name → parameters."""

    def __post_init__(self) -> None:
        for name in ("evaluations", "window", "target_seeds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected 1 or more")

    def as_dict(self) -> dict[str, Any]:
        """The protocol as plain data, as stored in a record and in the key."""
        return dataclasses.asdict(self)
