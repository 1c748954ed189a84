"""Training time on one machine, by paired ratios."""

from __future__ import annotations

from bench.compare.comparable import other_conditions, pairs_without
from bench.compare.finding import Figure, Finding, Verdict
from bench.compare.ratios import ratios
from bench.compare.rows import MatchedRow


def time(row: MatchedRow, margin: float) -> Finding:
    """margin: in percent."""
    pairs = pairs_without(row.pairs, other_conditions)
    if not pairs.by_seed:
        return Finding(row.name, Figure.TIME, Verdict.NOT_COMPARABLE, pairs.left_out)
    seconds = {seed: (base.cost.train_seconds, head.cost.train_seconds) for seed, (base, head) in pairs.by_seed.items()}
    return ratios(row, Figure.TIME, seconds, margin, lambda value: f"{value:.4g} s")
