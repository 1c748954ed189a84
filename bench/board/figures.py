"""How figures are written: values → the text of a cell, and the number that it sorts by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median as middle

from bench.board.match import Median
from bench.board.statistics import Summary
from bench.board.table import NONE, Figure, number_of


def points(summary: Summary | None, signed: bool = False, strong: bool = False) -> Figure:
    """`71.20 ± 0.31 (5)`: mean in percent points, half of the 95% interval, number of seeds."""
    if summary is None:
        return NONE
    interval = "" if summary.half_width is None else f" ± {summary.half_width:.2f}"
    return Figure(f"{decimal(summary.mean, signed)}{interval} ({summary.n})", summary.mean, strong)


def point(value: float | None, signed: bool = False) -> Figure:
    """A metric in percent points."""
    return NONE if value is None else Figure(decimal(value, signed), value)


def mean(values: Sequence[float | None], digits: int = 2) -> Figure:
    """The mean over the runs that have a value."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    value = math.fsum(known) / len(known)
    return Figure(decimal(value, digits=digits), value)


def decimal(value: float, signed: bool = False, digits: int = 2) -> str:
    """What rounds to zero has no sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def probability(p: float | None) -> Figure:
    """`0.003`, `< 0.001`."""
    if p is None or math.isnan(p):
        return NONE
    return Figure("< 0.001" if p < 0.001 else f"{p:.3f}", p)


def seconds(value: float | None) -> Figure:
    """`0.85 s`, `41.2 s`, `1,234 s`."""
    return NONE if value is None else Figure(f"{value:,.{_digits(value)}f} s", value)


def median_seconds(values: Sequence[float | None]) -> Figure:
    """The median over the runs that have a value."""
    known = [value for value in values if value is not None]
    return seconds(middle(known)) if known else NONE


def duration(summary: Summary | None) -> Figure:
    """`41.2 ± 1.1 s (5)`."""
    if summary is None:
        return NONE
    digits = _digits(summary.mean)
    interval = "" if summary.half_width is None else f" ± {summary.half_width:,.{digits}f}"
    return Figure(f"{summary.mean:,.{digits}f}{interval} s ({summary.n})", summary.mean)


def to_match(median: Median | None, unit: str) -> Figure:
    """`41.2 s (4/5)`, `∞ (2/5)`: the median over seeds and how many of them reached the target."""
    if median is None:
        return NONE
    if math.isinf(median.value):
        value = "∞"
    else:
        value = {"seconds": lambda each: seconds(each).text, "steps": "{:,.0f}".format, "flops": _scaled}[unit](
            median.value
        )
    return Figure(f"{value} ({median.hits}/{median.n})", median.value)


def ratio(median: Median | None, reference: Median | None) -> Figure:
    """How many times the target method's own time; unknown where that one misses its own target."""
    if median is None or reference is None or math.isinf(reference.value) or reference.value == 0:
        return NONE
    return times(median.value / reference.value)


def times(value: float) -> Figure:
    """`0.85`, `∞`."""
    return Figure("∞" if math.isinf(value) else f"{value:.2f}", value)


def megabytes(values: Sequence[int | None]) -> Figure:
    """`412 MiB (400–431)`: the median over the runs that have a value, and their range where they differ."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    low, value, high = (f"{each / 2**20:,.{_mebi_digits(each)}f}" for each in (min(known), middle(known), max(known)))
    return Figure(f"{value} MiB" + (f" ({low}–{high})" if low != high else ""), middle(known))


def count(value: float | None) -> Figure:
    """`278,324`."""
    return NONE if value is None else Figure(f"{value:,.0f}", value)


def quantity(value: float | None) -> Figure:
    """Three digits and a prefix: `1.23 P`."""
    return NONE if value is None else Figure(_scaled(value), number_of(value))


def latency(value: float | None) -> Figure:
    """`0.82 ms`, `1.20 s`."""
    if value is None:
        return NONE
    return seconds(value) if value >= 0.9995 else Figure(f"{1000 * value:.3g} ms", value)


def _scaled(value: float) -> str:
    value = float(f"{value:.3g}")
    power = 0 if value < 1 else min(int(math.log10(value)) // 3, 7)
    return f"{value / 1000**power:.3g} {['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'][power]}".strip()


def _digits(value: float) -> int:
    """Decimals that leave about three digits."""
    return 0 if value >= 100 else 1 if value >= 10 else 2


def _mebi_digits(value: float) -> int:
    return 0 if value >= 2**20 * 10 else 1
