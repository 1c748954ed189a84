"""Time to match the target: what one run took to reach it, and the median over seeds.

The protocol, Time-to-match: a run's time is `train_seconds` at the first evaluation with m ≥ τ, without
interpolation; the evaluation before is its bracket. Not reached is None, and +∞ in the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.board.evaluations import Evaluations
from bench.board.statistics import upper_median
from bench.board.target import Target


@dataclass(frozen=True)
class Match:
    """The evaluation at which a run reached the target."""

    seconds: float
    steps: float
    flops: float
    seconds_before: float
    """At the evaluation before: the run crossed the target between the two."""


@dataclass(frozen=True)
class Median:
    """A row's time to match: the median over its runs, infinity if that run missed, and how many reached it."""

    value: float
    hits: int
    n: int


def match(evaluations: Evaluations, target: Target) -> Match | None:
    """The first evaluation at which m reaches τ; None if none does."""
    return _at(evaluations, evaluations.first(evaluations.smooth, target.value))


def match_best(evaluations: Evaluations, target: Target) -> Match | None:
    """The MetaDistil paper's form: the first single evaluation at the median of the target method's best ones.

    Secondary: a single evaluation is noisy, and so is the best of them.
    """
    return _at(evaluations, evaluations.first(evaluations.single, target.best))


def median(matches: Sequence[Match | None], unit: str) -> Median | None:
    """The median over runs of `seconds`, `steps` or `flops`; of an even number, the upper. None without runs."""
    if not matches:
        return None
    values = [math.inf if each is None else getattr(each, unit) for each in matches]
    return Median(upper_median(values), sum(each is not None for each in matches), len(matches))


def _at(evaluations: Evaluations, number: int | None) -> Match | None:
    if number is None:
        return None
    return Match(
        seconds=float(evaluations.train_seconds[number]),
        steps=float(evaluations.steps[number]),
        flops=float(evaluations.flops[number]),
        seconds_before=float(evaluations.train_seconds[number - 1]) if number else 0.0,
    )
