"""Figures that are counted: they repeat exactly, so that every difference is one of the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.compare.comparable import Pairs
from bench.compare.finding import Difference, Figure, Finding, Verdict
from bench.compare.rows import MatchedRow
from bench.compare.words import change, of_seeds
from bench.errors import listed
from bench.record import Record

Counted = tuple[str, int | None, int | None]
"""A figure's name, and what it is in base and in head; None where the record does not have it."""
SHOWN = 4
"""Changes that are named."""
TEST = "counted, the same seed"


def counts(
    row: MatchedRow, figure: Figure, pairs: Pairs, counted: Callable[[Record, Record], Iterator[Counted]]
) -> Finding:
    """Whether any figure is higher at any seed, or some are only lower."""
    if not pairs.by_seed:
        return Finding(row.name, figure, Verdict.NOT_COMPARABLE, pairs.left_out)
    changed: dict[tuple[str, int, int], list[int]] = {}
    absent: dict[str, dict[str, None]] = {"base": {}, "head": {}}
    compared = {}
    for seed, both in pairs.by_seed.items():
        for name, was, now in counted(*both):
            if was is not None and now is not None:
                compared[name] = None
                if was != now:
                    changed.setdefault((name, was, now), []).append(seed)
            elif was is not None or now is not None:
                absent["base" if was is None else "head"][name] = None
    notes = [f"not recorded in {side}: {listed(list(names), 3)}" for side, names in absent.items() if names]
    notes += [f"not compared: {pairs.left_out}"] if pairs.left_out else []
    if not compared:
        return Finding(row.name, figure, Verdict.NOT_COMPARABLE, "; ".join(notes) or "not recorded on either side")
    if not changed:
        seen = "; ".join([f"{listed(list(compared), 3)} are the same ({of_seeds(pairs.by_seed)})", *notes])
        return Finding(row.name, figure, Verdict.SAME, seen, TEST)
    # What became higher first.
    ordered = sorted(changed, key=lambda each: each[2] < each[1])
    name, was, now = ordered[0]
    texts = [f"{each[0]} {change(*each[1:])} ({of_seeds(changed[each])})" for each in ordered]
    return Finding(
        row.name,
        figure,
        Verdict.WORSE if now > was else Verdict.BETTER,
        "; ".join([listed(texts, SHOWN), *notes]),
        TEST,
        difference=Difference(float(now - was), None, None, name),
        announced=row.announced,
    )
