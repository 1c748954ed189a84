"""False alarms and power of the accuracy verdict, simulated through the functions that give it.

`python tests/compare/simulations.py` prints the figures of the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.compare.accuracy import Scores, accuracy
from bench.compare.comparison import Margins
from bench.compare.finding import Finding, RowName, Verdict
from bench.compare.looks import LOOKS

DROPPED = "row 0"


@dataclass(frozen=True)
class Simulated:
    """Shares of the repetitions, and the seeds that a row took in the mean."""

    power: float
    """The row whose mean has dropped is worse at the end."""
    false_alarms: float
    """Any other row, or with no drop any at all, is worse at any look."""
    seeds: float


def simulate(
    *,
    rows: int,
    drop: float,
    repetitions: int,
    deviation: float = 0.2,
    first: int = 5,
    most: int = LOOKS[-1],
    step: float = 0.0,
) -> Simulated:
    """Normal scores; the first row's mean drops. Rows in doubt get seeds, from `first` to at most `most` of them.

    step: of the grid that scores are rounded to, in points; 0: of none. A row's mean is anywhere between two steps.
    """
    generator = np.random.default_rng(20260101)
    found = alarms = seeds = 0
    for _ in range(repetitions):
        scores = generator.normal(70.0, deviation, (2, rows, most))
        scores[1, 0] -= drop
        if step:
            scores = step * np.round((scores + generator.uniform(0.0, step, (rows, 1))) / step)
        looks = list(_looks(scores.tolist(), [first] * rows, step, until_sure=most > first))
        worse = [{name for name, each in findings.items() if each.verdict is Verdict.WORSE} for findings, _ in looks]
        found += DROPPED in worse[-1]
        alarms += bool(set().union(*worse) - ({DROPPED} if drop else set()))
        seeds += sum(looks[-1][1]) / rows
    return Simulated(found / repetitions, alarms / repetitions, seeds / repetitions)


def _looks(
    scores: list[list[list[float]]], seeds: list[int], step: float, until_sure: bool
) -> Iterator[tuple[dict[RowName | str, Finding], list[int]]]:
    """The findings at every look, and how many seeds each row had; until no row in doubt can be given more."""
    base, head = scores
    while True:
        made = {f"row {i}": Scores(tuple(base[i][:n]), tuple(head[i][:n]), step=step) for i, n in enumerate(seeds)}
        findings = accuracy(made, Margins().accuracy, until_sure)
        yield findings, seeds
        wanted = [each.more_seeds for each in findings.values()]
        more = [each if n < each <= len(base[0]) else n for n, each in zip(seeds, wanted, strict=True)]
        if more == seeds:
            return
        seeds = more


def main() -> None:
    print("rows  sd   step   seeds  drop   repetitions   power   false alarms   seeds a row")
    cases = [
        *((1, 0.2, 0.0, 5, 5, drop, 50_000) for drop in (0.0, 0.5, 1.0)),
        *((1, 0.2, 0.0, first, 10, drop, 50_000) for first in (5, 3) for drop in (0.0, 0.5)),
        *((22, 0.2, 0.0, 5, 5, drop, 10_000) for drop in (0.0, 0.5, 1.0)),
        *((22, 0.2, 0.0, first, 10, drop, 10_000) for first in (5, 3) for drop in (0.0, 0.5)),
        *((rows, sd, 0.0, 3, 10, 0.0, 10_000) for rows in (1, 22) for sd in (0.5, 1.0)),
        *((22, sd, step, 3, 10, drop, 4_000) for step in (0.36, 0.17) for sd in (0.1, 0.2) for drop in (0.0, 0.5)),
    ]
    for rows, deviation, step, first, most, drop, repetitions in cases:
        found = simulate(
            rows=rows, drop=drop, repetitions=repetitions, deviation=deviation, first=first, most=most, step=step
        )
        looks = "→".join(str(each) for each in LOOKS if first <= each <= most)
        power = f"{found.power:7.1%}" if drop else "      –"
        print(
            f"{rows:4}  {deviation:3g}  {step:4g}  {looks:>6}  {drop:4}  {repetitions:12,}  {power}  "
            f"{found.false_alarms:13.2%}  {found.seeds:12.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
