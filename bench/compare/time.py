"""Training time on one machine, by paired ratios."""

from __future__ import annotations

from collections.abc import Sequence

from bench.compare.comparable import other_conditions, pairs_without
from bench.compare.finding import Figure, Finding, Verdict
from bench.compare.ratios import ratios
from bench.compare.rows import MatchedRow


def times(rows: Sequence[MatchedRow], margin: float) -> list[Finding]:
    """One finding a row. margin: in percent."""
    pairs = {row.name: pairs_without(row.pairs, other_conditions) for row in rows}
    seconds = {
        name: {seed: (base.cost.train_seconds, head.cost.train_seconds) for seed, (base, head) in each.by_seed.items()}
        for name, each in pairs.items()
        if each.by_seed
    }
    without = [
        Finding(name, Figure.TIME, Verdict.NOT_COMPARABLE, each.left_out)
        for name, each in pairs.items()
        if name not in seconds
    ]
    return without + ratios(seconds, Figure.TIME, margin, lambda value: f"{value:.4g} s")
