"""Means over seeds, their intervals, tests of differences that are paired by seed (the protocol, Statistics)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

# scipy.stats takes most of a second to import; Student's t and its quantile are here too.
from scipy.special import stdtr, stdtrit

SIGNIFICANT = 0.05
"""The chance that a table with no difference in it shows one: the level of the tests after Holm."""
EQUAL = 1e-9
"""Differences that are no more than round-off."""
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Summary:
    """Mean over n values with its 95% interval, mean ± half_width; unknown (None) for fewer than 2 values."""

    mean: float
    half_width: float | None
    n: int
    deviation: float | None = None
    """The standard deviation of the sample, n − 1 in its denominator."""


def summarise(values: Sequence[float]) -> Summary | None:
    """The t interval of the mean; None without values. `fsum` makes the result independent of the order."""
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    return Summary(mean, quantile(n - 1, 0.975) * deviation / math.sqrt(n), n, deviation)


def paired_differences(values: Mapping[int, float], control: Mapping[int, float]) -> list[float]:
    """values − control, seed by seed, over the seeds that both have."""
    return [values[seed] - control[seed] for seed in sorted(values.keys() & control.keys())]


def paired_test(differences: Sequence[float]) -> float:
    """The two-sided p of Student's paired t-test; NaN for fewer than two differences.

    Differences that are all the same have no deviation to divide by: p is 1 if they are 0, else 0.
    """
    whole = summarise(differences)
    if whole is None or whole.deviation is None:
        return math.nan
    if whole.deviation <= EQUAL:
        return 1.0 if abs(whole.mean) <= EQUAL else 0.0
    return 2 * float(stdtr(whole.n - 1, -abs(whole.mean) / whole.deviation * math.sqrt(whole.n)))


def p_above(values: Sequence[float], limit: float) -> float:
    """The one-sided p of Student's t-test that the mean is above the limit; NaN for fewer than two values.

    Values that are all the same have no deviation to divide by: p is 0 if they are above it, else 1.
    """
    whole = summarise(values)
    if whole is None or whole.deviation is None:
        return math.nan
    if whole.deviation <= EQUAL:
        return 0.0 if whole.mean - limit > EQUAL else 1.0
    return float(stdtr(whole.n - 1, (limit - whole.mean) / whole.deviation * math.sqrt(whole.n)))


def lower_bound(differences: Sequence[float]) -> float | None:
    """The one-sided 95% lower confidence bound of the mean; None for fewer than two differences."""
    whole = summarise(differences)
    if whole is None or whole.deviation is None:
        return None
    return whole.mean - quantile(whole.n - 1, 0.95) * whole.deviation / math.sqrt(whole.n)


@dataclass(frozen=True)
class Welch:
    """The difference of two independent samples' means, the second minus the first, whatever their deviations."""

    difference: float
    error: float
    """The standard error of the difference."""
    degrees: float
    """Of freedom, after Welch and Satterthwaite."""

    @property
    def p_lower(self) -> float:
        """The one-sided p of the second mean being lower. Samples without deviation: 0 if it is, else 1."""
        if self.error <= EQUAL:
            return 0.0 if self.difference < -EQUAL else 1.0
        return float(stdtr(self.degrees, self.difference / self.error))

    @property
    def p_higher(self) -> float:
        """The one-sided p of the second mean being higher."""
        return Welch(-self.difference, self.error, self.degrees).p_lower

    def reach(self, share: float) -> float:
        """How far the confidence bound at this share lies from the difference."""
        return 0.0 if self.error <= EQUAL else quantile(self.degrees, share) * self.error


def welch(first: Sequence[float], second: Sequence[float], least_variance: float = 0.0) -> Welch | None:
    """None where either has fewer than two values.

    least_variance: of either sample, in the square of the values' unit; what values on a grid cannot be known below.
    """
    if min(len(first), len(second)) < 2:
        return None
    one, other = summarise(first), summarise(second)
    squares = [max(whole.deviation**2, least_variance) / whole.n for whole in (one, other)]
    error = math.sqrt(sum(squares))
    # A sample without deviation takes no part in the sum below; two of them have no error to divide.
    parts = (
        sum((square / error**2) ** 2 / (whole.n - 1) for square, whole in zip(squares, (one, other), strict=True))
        if error > EQUAL
        else 1.0
    )
    return Welch(other.mean - one.mean, error, 1 / parts)


def fisher(hits: int, of: int, hits_now: int, of_now: int) -> float:
    """The one-sided p of Fisher's exact test: so few hits now, or fewer, if all runs were alike."""
    found, drawn = hits + hits_now, of_now
    ways = sum(math.comb(found, few) * math.comb(of + of_now - found, drawn - few) for few in range(hits_now + 1))
    return ways / math.comb(of + of_now, drawn)


def holm(tests: Mapping[K, float]) -> dict[K, float]:
    """The p of a family of tests, adjusted after Holm (1979): the chance of one false alarm in all of them is kept."""
    adjusted: dict[K, float] = {}
    highest = 0.0
    for number, key in enumerate(sorted(tests, key=tests.__getitem__)):
        highest = max(highest, min(1.0, (len(tests) - number) * tests[key]))
        adjusted[key] = highest
    return adjusted


def quantile(degrees: int, share: float) -> float:
    """Of Student's t."""
    return float(stdtrit(degrees, share))


def lower_median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the lower of the two in the middle."""
    return sorted(values)[(len(values) - 1) // 2]


def upper_median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the upper of the two in the middle. Infinity takes part."""
    return sorted(values)[len(values) // 2]


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive values."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))
