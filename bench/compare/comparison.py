"""Two sets of records → what is better, worse, the same or not comparable, row by row and figure by figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.compare.accuracy import Scores, accuracy
from bench.compare.behaviour import behaviour
from bench.compare.cost import cost
from bench.compare.failures import failures
from bench.compare.finding import Figure, Finding, Verdict
from bench.compare.memory import memory
from bench.compare.rows import MatchedRow, matched
from bench.compare.target import targets
from bench.compare.time import times
from bench.compare.words import of_seeds
from bench.record import Record

ORDER = {figure: number for number, figure in enumerate(Figure)}


@dataclass(frozen=True)
class Margins:
    """What a difference must pass to be called one."""

    accuracy: float = 0.3
    """In points."""
    memory: float = 2.0
    """In percent, of memory that a GPU measured; counted bytes are compared exactly."""
    time: float = 5.0
    """In percent."""


@dataclass(frozen=True)
class Made:
    """How the records came to be."""

    in_one_go: bool = False
    """By the sources of both sides, here and now, in one environment: whatever differs, the code made it differ."""
    until_sure: bool = False
    """Rows in doubt are given seeds, and looked at again."""


def compare(
    base: Iterable[Record], head: Iterable[Record], margins: Margins = Margins(), made: Made = Made()
) -> list[Finding]:
    """One finding a row and figure, `no change` included: by row, then in the order of `Figure`.

    A row that one side alone has, whose sides are not comparable, or whose task or protocol changed under the same
    version, has one finding that says so, and one on failures if head has any that base does not.
    """
    rows = matched(base, head, made.in_one_go)
    whole = [row for row in rows if row.is_comparable]
    findings = [finding for row in rows for finding in _of_row(row)]
    for row in whole:
        findings += [behaviour(row), cost(row)]
    findings += memory(whole, margins.memory)
    findings += times(whole, margins.time)
    findings += accuracy({row.name: Scores.of(row) for row in whole}, margins.accuracy, made.until_sure).values()
    findings += targets(rows)
    return sorted(findings, key=lambda finding: (finding.row, ORDER[finding.figure]))


def _of_row(row: MatchedRow) -> Iterator[Finding]:
    """Whether the row is there, and its failures."""
    if row.head and ((found := failures(row)).verdict is Verdict.FAILURE or row.is_comparable):
        yield found
    if row.unannounced:
        yield Finding(row.name, Figure.BEHAVIOUR, Verdict.CHANGED, "; ".join([*row.unannounced, *row.reasons]))
    elif row.reasons:
        yield Finding(row.name, Figure.MISSING, Verdict.NOT_COMPARABLE, "; ".join(row.reasons))
    elif not row.base:
        yield Finding(row.name, Figure.MISSING, Verdict.NEW, f"head alone has it ({of_seeds(row.head.by_seed)})")
    elif not row.head:
        yield Finding(row.name, Figure.MISSING, Verdict.MISSING, f"base alone has it ({of_seeds(row.base.by_seed)})")
    elif lost := row.base.done.keys() - row.head.by_seed.keys():
        seen = f"{of_seeds(lost)} of base {'is' if len(lost) == 1 else 'are'} not in head"
        yield Finding(row.name, Figure.MISSING, Verdict.MISSING, seen)
    else:
        seeds = [of_seeds(side.by_seed) for side in (row.base, row.head)]
        seen = f"{seeds[0]} on both sides" if seeds[0] == seeds[1] else f"{seeds[0]} in base, {seeds[1]} in head"
        yield Finding(row.name, Figure.MISSING, Verdict.SAME, seen)
