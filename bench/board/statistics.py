"""Means over seeds, their intervals, and differences paired by seed (the protocol, Statistics)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# scipy.stats takes most of a second to import; the quantile of Student's t is here too.
from scipy.special import stdtrit


@dataclass(frozen=True)
class Summary:
    """Mean over n values with its 95% interval, mean ± half_width; unknown (None) for fewer than 2 values."""

    mean: float
    half_width: float | None
    n: int

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.half_width is not None and self.mean - self.half_width > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.half_width is not None and self.mean + self.half_width < 0


def summarise(values: Sequence[float]) -> Summary | None:
    """The t interval of the mean; None without values. `fsum` makes the result independent of the order."""
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    return Summary(mean, float(stdtrit(n - 1, 0.975)) * deviation / math.sqrt(n), n)


def paired_difference(values: Mapping[int, float], control: Mapping[int, float]) -> Summary | None:
    """values − control, seed by seed, over the seeds that both have; None if there are none."""
    return summarise([values[seed] - control[seed] for seed in sorted(values.keys() & control.keys())])


def lower_median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the lower of the two in the middle."""
    return sorted(values)[(len(values) - 1) // 2]


def upper_median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the upper of the two in the middle. Infinity takes part."""
    return sorted(values)[len(values) // 2]
