"""The curve of one run as the board uses it: m, the smoothed metric on `select`, and what it reached by when.

The protocol, Time-to-match: a single evaluation is noisy, so m(e) is the mean of the last `window` evaluations up
to e. Evaluations inside a stage that trains no classifier do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import ConfigDict

from bench.record import Arrays, Curve, Number, Whole

ROUND_OFF = 1e-9
"""Accuracies are multiples of 1/n, so that a value and its target can be equal; their round-off must not decide."""


class BoardCurve(Arrays):
    """The arrays of a curve that the board reads; to make the others for thousands of records takes time."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    counts: list[bool]
    steps: list[Whole]
    train_seconds: list[Number]
    flops: list[Whole]
    select: list[Number | None]


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one run, in order; every one has one element per evaluation."""

    single: np.ndarray
    """The metric on `select` in percent points; NaN where it does not count."""
    smooth: np.ndarray
    """m in percent points; NaN where it does not count, or where fewer than `window` counted so far."""
    train_seconds: np.ndarray
    steps: Sequence[float]
    flops: Sequence[float]

    @classmethod
    def of(cls, curve: Curve | BoardCurve, window: int) -> Evaluations:
        single = counted(curve)
        return cls(
            single=single,
            smooth=smoothed(single, window),
            train_seconds=np.array(curve.train_seconds, dtype=float),
            steps=curve.steps,
            flops=curve.flops,
        )

    @cached_property
    def final(self) -> float | None:
        """m at the end of training; None if too few evaluations count."""
        known = self.smooth[~np.isnan(self.smooth)]
        return float(known[-1]) if len(known) else None

    @cached_property
    def best(self) -> float | None:
        """The highest single evaluation; None if none counts."""
        known = self.single[~np.isnan(self.single)]
        return float(known.max()) if len(known) else None

    def first(self, values: np.ndarray, level: float) -> int | None:
        """The number of the first evaluation at which `values` reach a level; None if none does."""
        reached = values >= level - ROUND_OFF
        return int(reached.argmax()) if reached.any() else None

    def seconds_to_best(self, short_of: float = 0.0) -> float | None:
        """`train_seconds` at the first evaluation that is within `short_of` points of the best one."""
        return None if self.best is None else float(self.train_seconds[self.first(self.single, self.best - short_of)])

    def smooth_at(self, seconds: float) -> float | None:
        """m at the last evaluation within so many training seconds; None if there was none yet."""
        known = ~np.isnan(self.smooth) & (self.train_seconds <= seconds)
        return float(self.smooth[known][-1]) if known.any() else None


def counted(curve: Curve | BoardCurve) -> np.ndarray:
    """The metric at every evaluation, NaN where it is unknown or its stage trains no classifier."""
    select = np.array(curve.select, dtype=float)
    if not all(curve.counts):
        select[~np.array(curve.counts, dtype=bool)] = np.nan
    return select


def smoothed(single: np.ndarray, window: int) -> np.ndarray:
    """m at every evaluation."""
    smooth = np.full(len(single), np.nan)
    known = ~np.isnan(single)
    values = single[known]
    means = len(values) - window + 1
    if means > 0:
        total = values[:means].copy()
        for first in range(1, window):
            total += values[first : first + means]
        smooth[np.flatnonzero(known)[window - 1 :]] = total / window
    return smooth
