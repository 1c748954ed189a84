"""Two runs of the benchmarks → what became slower, from the ratios that each run measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.board.statistics import SIGNIFICANT, Welch, holm, welch
from bench.compare.benchmark_file import BenchmarkRun
from bench.compare.finding import Difference, Figure, Finding, Verdict
from bench.compare.words import count
from bench.errors import listed


@dataclass(frozen=True)
class Slowdown:
    """Of one benchmark: the difference of the logarithms, positive where our way became slower."""

    name: str
    test: Welch
    rounds: tuple[int, int]

    def p(self, margin: float) -> tuple[float, float]:
        """One-sided, that it is slower and that it is faster by more than the margin, a logarithm."""
        slower, faster = (replace(self.test, difference=self.test.difference + shift) for shift in (-margin, margin))
        return slower.p_higher, faster.p_lower


def compare_benchmarks(
    base: Sequence[BenchmarkRun], head: Sequence[BenchmarkRun], margin: float = 5.0
) -> list[Finding]:
    """One finding a benchmark, by name: worse where p < .05 after Holm that it is slower by more than the margin.

    Ratios alone are judged, of the other way's time to ours in one run: seconds of one code differ from run to run.
    Rounds of one run have that run's luck in common, which no test over rounds can see: what is worse by little is
    worth a second run.

    margin: in percent.
    """
    before, after = ({run.name: run for run in side} for side in (base, head))
    found = {name: _slowdown(before[name], after[name]) for name in before.keys() & after.keys()}
    findings = _judged([each for each in found.values() if isinstance(each, Slowdown)], margin)
    for name, why in found.items():
        if isinstance(why, str):
            findings.append(Finding(name, Figure.TIME, Verdict.NOT_COMPARABLE, why))
    for name in before.keys() - after.keys():
        findings.append(Finding(name, Figure.MISSING, Verdict.MISSING, "a benchmark that head does not have"))
    for name in after.keys() - before.keys():
        findings.append(Finding(name, Figure.MISSING, Verdict.NEW, "a benchmark that base does not have"))
    return sorted(findings, key=lambda finding: finding.row)


def _slowdown(base: BenchmarkRun, head: BenchmarkRun) -> Slowdown | str:
    """What is to be tested, or why nothing is."""
    differing = [part for part, value in base.machine.items() if value != head.machine[part]]
    if differing:
        changes = [f"{part} {base.machine[part]} → {head.machine[part]}" for part in differing]
        return f"another machine: {listed(changes)}"
    if base.machine["processor"] is None:
        return "the files do not name their processor, so that it may be another one"
    if not base.ratios or not head.ratios:
        return "measured in seconds alone, which differ from run to run of one code: only ratios are judged"
    # A ratio is the other way's time / ours: its inverse grows when ours becomes slower.
    test = welch(*([-math.log(ratio) for ratio in side.ratios] for side in (base, head)))
    rounds = len(base.ratios), len(head.ratios)
    if test is None:
        return f"{_over(rounds)}: no test with fewer than 2 on a side"
    return Slowdown(base.name, test, rounds)


def _judged(slowdowns: Sequence[Slowdown], margin: float) -> list[Finding]:
    """The tests are one family."""
    p = {each.name: each.p(math.log1p(margin / 100)) for each in slowdowns}
    slower, faster = (holm({name: both[side] for name, both in p.items()}) for side in (0, 1))
    return [_finding(each, slower[each.name], faster[each.name], margin, len(slowdowns)) for each in slowdowns]


def _finding(slowdown: Slowdown, slower: float, faster: float, margin: float, tested: int) -> Finding:
    """slower, faster: the adjusted p."""
    is_worse, is_better = slower < SIGNIFICANT, faster < SIGNIFICANT
    reach = slowdown.test.reach(0.975)
    low, value, high = (100 * math.expm1(slowdown.test.difference + shift) for shift in (-reach, 0.0, reach))
    change = f"{abs(value):.1f}% {'slower' if value > 0 else 'faster'}"
    return Finding(
        slowdown.name,
        Figure.TIME,
        Verdict.WORSE if is_worse else Verdict.BETTER if is_better else Verdict.SAME,
        f"{change} by the ratio to the other way, measured in one run, {_over(slowdown.rounds)}",
        f"one-sided Welch test of the logarithms against {'a gain' if is_better else 'a slowdown'} of {margin:g}%, "
        f"p adjusted for {count(tested, 'benchmark')}",
        faster if is_better else slower,
        Difference(value, low, high, "%"),
    )


def _over(rounds: tuple[int, int]) -> str:
    return f"over {rounds[0]} and {rounds[1]} rounds"
