"""All records as a board: groups with what is computed on them, and their titles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.board.analysis import Analysis
from bench.board.entries import Entry, entries
from bench.board.group import Group, groups
from bench.record import Record


@dataclass(frozen=True)
class Board:
    """The groups in order."""

    analyses: tuple[Analysis, ...]

    @cached_property
    def methods(self) -> dict[str, set[str]]:
        """Task → the methods that it was run with anywhere."""
        found: dict[str, set[str]] = defaultdict(set)
        for analysis in self.analyses:
            found[analysis.group.cell.task.name].update(row.method for row in analysis.group.rows)
        return found

    @classmethod
    def of(cls, records: Iterable[tuple[Path, Record]], folder: Path) -> Board:
        """folder: from which the links to the records go."""
        return cls.of_entries(entries(records, folder))

    @classmethod
    def of_entries(cls, runs: Iterable[Entry]) -> Board:
        found = groups(runs)
        rungs = {id(group): _rungs(group, found) for group in found if group.cell.budget == 1}
        taken = {id(rung) for each in rungs.values() for rung in each.values()}
        shown = [group for group in found if id(group) not in taken]
        return cls(tuple(Analysis(group, rungs.get(id(group), {}), _told_apart(group, shown)) for group in shown))


def _told_apart(group: Group, shown: list[Group]) -> tuple[str, ...]:
    """What tells a group apart from those that share its task, pair and protocol by name."""
    others = [_marks(each) for each in shown if each.title == group.title]
    return tuple(mark for number, mark in enumerate(_marks(group)) if len({each[number] for each in others}) > 1)


def _rungs(group: Group, found: list[Group]) -> dict[float, Group]:
    """The groups of smaller budgets that belong to a group. Runs without a teacher belong to every one."""
    rungs: dict[float, Group] = {}
    for other in found:
        if other.kind != group.kind or other.cell.budget == 1:
            continue
        if other.teacher is None or (group.teacher and other.teacher.sha256 == group.teacher.sha256):
            rungs[other.cell.budget] = other
        elif untaught := tuple(row for row in other.rows if not row.taught):
            rungs.setdefault(other.cell.budget, replace(other, teacher=None, rows=untaught))
    return rungs


def _marks(group: Group) -> tuple[str, ...]:
    return (
        f"protocol {group.protocol_hash[:8]}",
        group.cell.arithmetic,
        f"pretrained {group.cell.pretrained[:8]}" if group.cell.pretrained else "not pretrained",
        f"teacher {group.teacher.sha256[:8]}" if group.teacher else "no teacher",
    )
