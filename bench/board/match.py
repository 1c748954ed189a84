"""Time to match the target: what one run took to reach τ, and the median over seeds.

The protocol, Time-to-match: a run's time is `train_seconds` at the first evaluation with m ≥ τ, without
interpolation; the evaluation before is its bracket. Not reached is None, and +∞ in the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.board.evaluations import Evaluations
from bench.board.statistics import upper_median

ROUND_OFF = 1e-9
"""Accuracies are multiples of 1/n, so m and τ can be equal; their round-off must not decide."""


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


def match(evaluations: Evaluations, target: float) -> Match | None:
    """The first evaluation at which m reaches the target; None if none does."""
    reached = evaluations.smooth >= target - ROUND_OFF
    at = int(reached.argmax()) if len(reached) else 0
    if not reached[at : at + 1].any():
        return None
    return Match(
        seconds=float(evaluations.train_seconds[at]),
        steps=float(evaluations.steps[at]),
        flops=float(evaluations.flops[at]),
        seconds_before=float(evaluations.train_seconds[at - 1]) if at else 0.0,
    )


def median(matches: Sequence[Match | None], unit: str) -> Median | None:
    """The median over runs of `seconds`, `steps` or `flops`; of an even number, the upper. None without runs."""
    if not matches:
        return None
    values = [math.inf if each is None else getattr(each, unit) for each in matches]
    return Median(upper_median(values), sum(each is not None for each in matches), len(matches))
