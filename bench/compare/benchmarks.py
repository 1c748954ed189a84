"""Two runs of the benchmarks → what became slower, from ratios measured in one run where a benchmark has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.board.statistics import welch
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
    rounds = f"over {len(base)} and {len(head)} rounds"
    slowdown = welch([math.log(each) for each in base], [math.log(each) for each in head])
    if slowdown is None:
        why = f"{rounds}: no test with fewer than 2 on a side"
        return Finding(name, Figure.TIME, Verdict.NOT_COMPARABLE, why)
    allowed, bound = math.log1p(margin / 100), slowdown.reach(0.95)
    slower, faster = slowdown.difference - bound > allowed, slowdown.difference + bound < -allowed
    verdict = Verdict.WORSE if slower else Verdict.BETTER if faster else Verdict.SAME
    if faster:
        p = replace(slowdown, difference=slowdown.difference + allowed).p_lower
    else:
        p = replace(slowdown, difference=slowdown.difference - allowed).p_higher
    reach = slowdown.reach(0.975)
    low, value, high = (100 * math.expm1(slowdown.difference + shift) for shift in (-reach, 0.0, reach))
    return Finding(
        name,
        Figure.TIME,
        verdict,
        seen=f"{abs(value):.1f}% {'slower' if value > 0 else 'faster'} by {what}, {rounds}",
        test=f"one-sided Welch test of the logarithms against {'a gain' if faster else 'a slowdown'} of {margin:g}%",
        p=p,
        difference=Difference(value, low, high, "%"),
    )
