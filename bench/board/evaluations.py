"""The curve of one run as the board uses it: m, the smoothed metric on `select`.

The protocol, Time-to-match: a single evaluation is noisy, so m(e) is the mean of the last `window` evaluations up
to e. Evaluations inside a stage that trains no classifier do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bench.board.entries import BoardCurve
    from bench.record import Curve


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one run, in order; every array has one element per evaluation."""

    smooth: np.ndarray
    """m in percent points; NaN where it does not count, or where fewer than `window` counted so far."""
    train_seconds: np.ndarray
    steps: np.ndarray
    flops: np.ndarray

    @classmethod
    def of(cls, curve: Curve | BoardCurve, window: int) -> Evaluations:
        return cls(
            smooth=smoothed(curve, window),
            train_seconds=np.array(curve.train_seconds, dtype=float),
            steps=np.array(curve.steps, dtype=float),
            flops=np.array(curve.flops, dtype=float),
        )

    @property
    def final(self) -> float | None:
        """m at the end of training; None if too few evaluations count."""
        known = self.smooth[~np.isnan(self.smooth)]
        return float(known[-1]) if len(known) else None


def smoothed(curve: Curve | BoardCurve, window: int) -> np.ndarray:
    """m at every evaluation."""
    smooth = np.full(len(curve.select), np.nan)
    select = np.array(curve.select, dtype=float)
    counted = ~np.isnan(select)
    if not all(curve.counts):
        counted &= np.array(curve.counts, dtype=bool)
    values = select[counted]
    means = len(values) - window + 1
    if means > 0:
        total = values[:means].copy()
        for first in range(1, window):
            total += values[first : first + means]
        smooth[np.flatnonzero(counted)[window - 1 :]] = total / window
    return smooth
