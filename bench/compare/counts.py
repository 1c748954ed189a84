"""Figures that are counted: they repeat exactly, so that every difference is one of the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.compare.comparable import Pairs
from bench.compare.finding import Difference, Figure, Finding, Verdict
from bench.compare.rows import MatchedRow
from bench.compare.words import change, of_seeds
from bench.errors import listed
from bench.record import Record

SHOWN = 4
"""Changes that are named."""
TEST = "counted, the same seed"


class Counted(NamedTuple):
    """A figure on both sides; None where the record does not have it."""

    name: str
    base: int | None
    head: int | None
    is_given: bool = False
    """Whether the budget and the pair give it: then a lower figure is no gain, and any difference is a change."""


def counts(
    row: MatchedRow, figure: Figure, pairs: Pairs, counted: Callable[[Record, Record], Iterator[Counted]]
) -> Finding:
    """Whether any figure that is given differs at any seed, else whether any is higher, or some are only lower.

    What base recorded and head does not is a change too: nobody can tell whether it is the same.
    """
    if not pairs.by_seed:
        return Finding(row.name, figure, Verdict.NOT_COMPARABLE, pairs.left_out)
    changed: dict[Counted, list[int]] = {}
    absent: dict[str, dict[str, None]] = {"base": {}, "head": {}}
    compared = {}
    for seed, both in pairs.by_seed.items():
        for each in counted(*both):
            if each.base is not None and each.head is not None:
                compared[each.name] = None
                if each.base != each.head:
                    changed.setdefault(each, []).append(seed)
            elif each.base is not None or each.head is not None:
                absent["base" if each.base is None else "head"][each.name] = None
    lost = [f"no longer recorded in head: {listed(list(absent['head']), 3)}"] if absent["head"] else []
    notes = [f"not recorded in base: {listed(list(absent['base']), 3)}"] if absent["base"] else []
    notes += [f"not compared: {pairs.left_out}"] if pairs.left_out else []
    if not compared and not lost:
        return Finding(row.name, figure, Verdict.NOT_COMPARABLE, "; ".join(notes) or "not recorded on either side")
    if not changed:
        same = [f"{listed(list(compared), 3)} are the same ({of_seeds(pairs.by_seed)})"] if compared else []
        seen = "; ".join([*lost, *same, *notes])
        verdict = Verdict.CHANGED if lost else Verdict.SAME
        return Finding(row.name, figure, verdict, seen, TEST, announced=row.announced if lost else "")
    # What is given first, then what became higher.
    ordered = sorted(changed, key=lambda each: (not each.is_given, each.head < each.base))
    first = ordered[0]
    texts = [f"{each.name} {change(each.base, each.head)} ({of_seeds(changed[each])})" for each in ordered]
    given = list(dict.fromkeys(each.name for each in ordered if each.is_given))
    rule = [f"given by the budget and the pair, so not to change: {listed(given, 3)}"] if given else []
    return Finding(
        row.name,
        figure,
        Verdict.CHANGED if given or lost else Verdict.WORSE if first.head > first.base else Verdict.BETTER,
        "; ".join([listed(texts, SHOWN), *rule, *lost, *notes]),
        TEST,
        difference=Difference(float(first.head - first.base), None, None, first.name),
        announced=row.announced,
    )
