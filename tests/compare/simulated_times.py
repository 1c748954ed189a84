"""False alarms and power of the verdict on time, simulated through the function that gives it.

`python tests/compare/simulated_times.py` prints the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.compare.comparison import Margins
from bench.compare.finding import Figure, Verdict
from bench.compare.ratios import ratios

SLOWED = "row 0"


@dataclass(frozen=True)
class Simulated:
    """Shares of the repetitions."""

    power: float
    """The row that became slower is worse."""
    false_alarms: float
    """Any row that did not is worse."""


def simulate(
    *,
    repetitions: int,
    deviation: float,
    slower: float = 1.0,
    rows: int = 22,
    pairs: int = 5,
    margin: float = Margins().time,
) -> Simulated:
    """Normal log-ratios of this deviation. slower: the ratio of the first row; 1: no row became slower."""
    generator = np.random.default_rng(20260101)
    found = alarms = 0
    for _ in range(repetitions):
        drawn = np.exp(generator.normal(0.0, deviation, (rows, pairs)))
        drawn[0] *= slower
        times = {
            f"row {i}": {seed: (1.0, each) for seed, each in enumerate(row)} for i, row in enumerate(drawn.tolist())
        }
        worse = {each.row for each in ratios(times, Figure.TIME, margin, str) if each.verdict is Verdict.WORSE}
        found += SLOWED in worse
        alarms += bool(worse - ({SLOWED} if slower > 1 else set()))
    return Simulated(found / repetitions, alarms / repetitions)


def main() -> None:
    print("rows  pairs   sd  slower  margin   power   false alarms")
    cases = [(sd, 1.0, margin) for margin in (5.0, 0.0) for sd in (0.02, 0.05, 0.1)]
    cases += [(sd, slower, 5.0) for slower in (1.1, 1.2) for sd in (0.02, 0.05)]
    for deviation, slower, margin in cases:
        found = simulate(repetitions=4_000, deviation=deviation, slower=slower, margin=margin)
        power = f"{found.power:7.1%}" if slower > 1 else "      –"
        print(
            f"  22      5  {deviation:4.0%}  {slower - 1:5.0%}  {margin:5g}%  {power}  {found.false_alarms:13.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
