"""A group with all that is computed on it once: targets, comparisons, and the rungs of its ladder of budgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from bench.board.comparisons import Comparisons
from bench.board.entries import Entry
from bench.board.group import Group, Row
from bench.board.match import Match, Median, match, median
from bench.board.statistics import Summary, summarise
from bench.board.target import Target, target_of

RANKED_ITEMS = 1000
"""With fewer `select` items, time to match is shown but not ranked (the protocol, Time-to-match)."""


@dataclass(frozen=True)
class Analysis:
    """What the tables of one group are made of."""

    group: Group
    rungs: dict[float, Group] = field(default_factory=dict)
    """Share of the budget → the same group at that share."""
    marks: tuple[str, ...] = ()
    """What tells the group apart from others with its task, pair and protocol by name."""

    @property
    def title(self) -> str:
        """Task, pair and protocol; and where groups share these, what tells them apart."""
        return " · ".join([*self.group.title, *self.marks])

    @property
    def runs(self) -> list[Entry]:
        """All runs, of every budget, failures included."""
        return [entry for group in (self.group, *self.rungs.values()) for entry in group.any_entries]

    @cached_property
    def target(self) -> Target | str:
        """Of the protocol's target method, or why there is none."""
        return target_of(self.group, self.target_method)

    @property
    def target_method(self) -> str:
        return self.group.cell.protocol["target"]

    @cached_property
    def control_target(self) -> tuple[str, Target | str] | None:
        """The control that has a teacher, if the protocol has one, and the target that it sets by the same rule."""
        taught = [name for name, row in self.controls if row and row.taught]
        return (taught[-1], target_of(self.group, taught[-1])) if taught else None

    @cached_property
    def controls(self) -> list[tuple[str, Row | None]]:
        """The rows that stand for the protocol's controls."""
        return [(name, self.group.row_of(name)) for name in self.group.cell.protocol["controls"]]

    @property
    def plain(self) -> tuple[str, Row | None]:
        """The control that the protocol names first, plain training, and its row; no name where it names none."""
        return self.controls[0] if self.controls else ("", None)

    @cached_property
    def comparisons(self) -> Comparisons:
        return Comparisons.of(self.group.rows)

    @cached_property
    def ordered(self) -> list[Row]:
        """Rows by mean, highest first; provisional rows below, by name, since they claim no order."""
        return sorted(
            self.group.rows,
            key=lambda row: (row.provisional, 0.0 if row.provisional else -on_test(row).mean, row.label),
        )

    @cached_property
    def ranked(self) -> bool:
        """Whether there is an order of times to match: `select` is large enough, and no constant answer reaches τ."""
        items = [entry.record.select_items for entry in self.group.entries]
        return all(each is None or each >= RANKED_ITEMS for each in items) and not self.constant_reaches_target

    @cached_property
    def constant_reaches_target(self) -> bool:
        """Whether giving every item the most frequent class reaches τ: then matching it shows nothing."""
        known = [entry.record.result.most_frequent_select for entry in self.group.entries]
        # Older records do not have it; a run that answers so says it too.
        known += [entry.record.result.select for entry in self.group.entries if entry.is_constant]
        constant = [value for value in known if value is not None]
        return isinstance(self.target, Target) and bool(constant) and max(constant) >= self.target.value

    @cached_property
    def _matches(self) -> dict[tuple[str, str, str], list[Match | None]]:
        return {}

    def matches(self, row: Row, machine: str, target: Target) -> list[Match | None]:
        """Of every run on the machine; one that diverged never matches."""
        place = (row.identity, machine, target.row.identity)
        if place not in self._matches:
            reached = [match(run.evaluations, target) for run in row.on(machine)]
            self._matches[place] = reached + [None] * row.diverged(machine)
        return self._matches[place]

    def time_to_match(self, row: Row, machine: str, target: Target | str, unit: str = "seconds") -> Median | None:
        """The median over the row's runs on a machine; None without a target or a run."""
        return median(self.matches(row, machine, target), unit) if isinstance(target, Target) else None


def on_test(row: Row) -> Summary | None:
    """The primary metric on test at the last epoch, over seeds."""
    return summarise(list(row.scores.values()))


def runs_on(group: Group, machine: str) -> list[Entry]:
    """The successful runs of a group on one machine."""
    return [entry for entry in group.entries if entry.record.machine == machine]
