"""Which methods of a group differ from plain training: significantly, after Holm, or not."""

from __future__ import annotations

from dataclasses import dataclass

from bench.board.analysis import Analysis
from bench.board.group import SEEDS_FOR_ORDER, Row
from bench.board.statistics import summarise


@dataclass(frozen=True)
class Verdict:
    """Rows with enough seeds in common with the control, the highest mean difference first."""

    control: str
    better: list[tuple[Row, float]]
    """With the mean difference to the control, in percent points."""
    worse: list[tuple[Row, float]]
    open: list[Row]
    """Not told apart from the control."""


def verdict_of(analysis: Analysis) -> Verdict | None:
    """None if no row has enough seeds in common with the first control."""
    control, reference = analysis.plain
    known = [row for row in analysis.ordered if reference and row is not reference and not row.provisional]
    judged = [(row, summarise(row.minus(reference))) for row in known]
    means = [(row, whole.mean) for row, whole in judged if whole and whole.n >= SEEDS_FOR_ORDER]
    if not means:
        return None
    means.sort(key=lambda pair: (-pair[1], pair[0].label))
    better = [pair for pair in means if analysis.comparisons.better(pair[0], reference)]
    worse = [pair for pair in means if analysis.comparisons.better(reference, pair[0])]
    told = [row for row, _ in (*better, *worse)]
    return Verdict(control, better, worse, [row for row, _ in means if row not in told])
