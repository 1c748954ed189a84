"""Two runs of the benchmarks → what became slower, from ratios measured in one run where a benchmark has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from scipy.special import stdtr

from bench.board.statistics import EQUAL, quantile, summarise
from bench.compare.benchmark_file import BenchmarkRun
from bench.compare.finding import Difference, Figure, Finding, Verdict
from bench.errors import listed


def compare_benchmarks(
    base: Sequence[BenchmarkRun], head: Sequence[BenchmarkRun], margin: float = 5.0
) -> list[Finding]:
    """One finding a benchmark, by name. margin: the slowdown in percent that its lower 95% bound must pass.

    Rounds of one run have that run's luck in common, which no test over rounds can see: what is worse by little is
    worth a second run.
    """
    before, after = ({run.name: run for run in side} for side in (base, head))
    return list(_findings(before, after, margin))


def _findings(before: dict[str, BenchmarkRun], after: dict[str, BenchmarkRun], margin: float) -> Iterator[Finding]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Finding(name, Figure.MISSING, Verdict.MISSING, "a benchmark that head does not have")
        elif name not in before:
            yield Finding(name, Figure.MISSING, Verdict.NEW, "a benchmark that base does not have")
        else:
            yield _compared(before[name], after[name], margin)


def _compared(base: BenchmarkRun, head: BenchmarkRun, margin: float) -> Finding:
    def not_comparable(why: str) -> Finding:
        return Finding(base.name, Figure.TIME, Verdict.NOT_COMPARABLE, why)

    differing = [part for part, value in base.machine.items() if value != head.machine[part]]
    if differing:
        changes = [f"{part} {base.machine[part]} → {head.machine[part]}" for part in differing]
        return not_comparable(f"another machine: {listed(changes)}")
    if base.machine["processor"] is None:
        return not_comparable("the files do not name their processor, so that it may be another one")
    if base.ratios and head.ratios:
        # A ratio is the other way's time / ours: its inverse grows when ours becomes slower.
        what = "the ratio to the other way, measured in one run"
        return _tested(base.name, what, [1 / each for each in base.ratios], [1 / each for each in head.ratios], margin)
    if base.seconds and head.seconds:
        return _tested(base.name, "the time of a round", base.seconds, head.seconds, margin)
    return not_comparable("the rounds are not in both files: write them with --benchmark-save-data")


def _tested(name: str, what: str, base: Sequence[float], head: Sequence[float], margin: float) -> Finding:
    """Welch's test of the logarithms; `base` and `head` grow when our way becomes slower."""
    one, other = summarise([math.log(each) for each in base]), summarise([math.log(each) for each in head])
    rounds = f"over {one.n} and {other.n} rounds"
    if min(one.n, other.n) < 2:
        why = f"{rounds}: no test with fewer than 2 on a side"
        return Finding(name, Figure.TIME, Verdict.NOT_COMPARABLE, why)
    slowdown = other.mean - one.mean
    error, degrees = _welch(one.deviation, one.n, other.deviation, other.n)
    allowed = math.log1p(margin / 100)
    one_sided, two_sided = (quantile(degrees, share) * error for share in (0.95, 0.975))
    slower, faster = slowdown - one_sided > allowed, slowdown + one_sided < -allowed
    verdict = Verdict.WORSE if slower else Verdict.BETTER if faster else Verdict.SAME
    return Finding(
        name,
        Figure.TIME,
        verdict,
        seen=f"{abs(_percent(slowdown)):.1f}% {'slower' if slowdown > 0 else 'faster'} by {what}, {rounds}",
        test=f"one-sided Welch test of the logarithms against {'a gain' if faster else 'a slowdown'} of {margin:g}%",
        p=_p(abs(slowdown) - allowed if faster else slowdown - allowed, error, degrees),
        difference=Difference(_percent(slowdown), _percent(slowdown - two_sided), _percent(slowdown + two_sided), "%"),
    )


def _welch(one: float, n: int, other: float, m: int) -> tuple[float, float]:
    """The standard error of the difference of two means, and its degrees of freedom after Welch and Satterthwaite."""
    a, b = one**2 / n, other**2 / m
    error = math.sqrt(a + b)
    if error <= EQUAL:
        return 0.0, n + m - 2
    return error, (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))


def _p(excess: float, error: float, degrees: float) -> float:
    """Of the hypothesis that there is no excess."""
    if not error:
        return 0.0 if excess > 0 else 1.0
    return float(stdtr(degrees, -excess / error))


def _percent(logarithm: float) -> float:
    return 100 * math.expm1(logarithm)
