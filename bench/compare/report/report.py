"""What a comparison found, row by row, and what it comes to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.compare.finding import Figure, Finding, RowName, Verdict
from bench.compare.more_seeds import MoreSeeds
from bench.compare.sides import Side

NOTHING = frozenset({Verdict.MISSING, Verdict.NEW, Verdict.NOT_COMPARABLE})
"""Verdicts for which nothing was compared."""
SEVERITY = {verdict: number for number, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Row:
    """A row with everything that was found of it, in the order of `Figure`."""

    name: RowName | str
    findings: tuple[Finding, ...]
    fail_on: frozenset[Figure]

    @cached_property
    def gating(self) -> tuple[Finding, ...]:
        """The regressions for which the command fails, the worst first."""
        found = [each for each in self.findings if each.is_regression and each.figure in self.fail_on]
        return tuple(sorted(found, key=lambda each: SEVERITY[each.verdict]))

    @cached_property
    def notable(self) -> tuple[Finding, ...]:
        """What else changed or is in doubt."""
        quiet = {Verdict.SAME, Verdict.NOT_COMPARABLE}
        return tuple(
            each
            for each in self.findings
            if each not in self.gating
            and (each.verdict not in quiet or (each.verdict is Verdict.SAME and each.in_doubt))
        )

    @property
    def not_comparable(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.verdict is Verdict.NOT_COMPARABLE)

    @property
    def untold(self) -> tuple[Finding, ...]:
        """What is not comparable though other figures of the row are, of those for which the command would fail."""
        if self.verdict is Verdict.NOT_COMPARABLE:
            return ()
        return tuple(each for each in self.not_comparable if each.figure in self.fail_on)

    @property
    def shown_not_comparable(self) -> tuple[Finding, ...]:
        """Without the time, unless it was asked for: one seed never tells it."""
        return tuple(
            each for each in self.not_comparable if each.figure is not Figure.TIME or Figure.TIME in self.fail_on
        )

    @property
    def unchanged(self) -> tuple[Figure, ...]:
        """What was compared, and is neither changed nor in doubt. That the row is there goes without saying."""
        same = [each for each in self.findings if each.verdict is Verdict.SAME and not each.in_doubt]
        return tuple(each.figure for each in same if each.figure is not Figure.MISSING)

    @property
    def verdict(self) -> Verdict:
        """The worst of those that gate, else the worst of all; not comparable if nothing but its presence was compared.

        That a row is there, or some of its seeds are not, and that none of its runs failed, says nothing of what the
        runs gave.
        """
        there = [each for each in self.findings if each.verdict is not Verdict.NOT_COMPARABLE]
        compared = [
            each
            for each in there
            if each.figure is not Figure.MISSING
            and (each.verdict is not Verdict.SAME or each.figure is not Figure.FAILURES)
        ]
        gone = [each for each in there if each.figure is Figure.MISSING and each.verdict is not Verdict.SAME]
        return min(
            (each.verdict for each in self.gating or compared or gone or self.not_comparable or self.findings),
            key=SEVERITY.__getitem__,
        )


@dataclass(frozen=True)
class Report:
    """Everything that is to be said of a comparison."""

    base: Side
    head: Side
    findings: Sequence[Finding]
    fail_on: frozenset[Figure]
    more_seeds: Sequence[MoreSeeds] = ()
    """The commands that settle what is in doubt."""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """In the order in which they were found."""
        found: dict[RowName | str, list[Finding]] = defaultdict(list)
        for finding in self.findings:
            found[finding.row].append(finding)
        return tuple(Row(name, tuple(each), self.fail_on) for name, each in found.items())

    @cached_property
    def failing(self) -> tuple[Row, ...]:
        """The rows for which the command fails."""
        return tuple(row for row in self.rows if row.gating)

    @property
    def nothing_in_common(self) -> bool:
        """Whether the sides share no row: such a comparison must not pass. Rows that are not comparable are shared."""
        return all(finding.verdict in {Verdict.MISSING, Verdict.NEW} for finding in self.findings)

    @property
    def verdict(self) -> str:
        if self.failing:
            return "regression"
        compared = any(row.verdict not in NOTHING for row in self.rows)
        return "no regression" if compared else "nothing is comparable"

    @property
    def summary(self) -> str:
        """The verdict with the number of rows of each kind."""
        others = Counter(row.verdict for row in self.rows if not row.gating)
        counts = [f"{others[verdict]:,} {verdict}{self._remark(verdict)}" for verdict in Verdict if others[verdict]]
        doubtful = sum(any(finding.in_doubt for finding in row.findings) for row in self.rows)
        counts += [f"{doubtful:,} in doubt"] if doubtful else []
        untold = Counter(each.figure for row in self.rows for each in row.untold)
        counts += [f"{untold[figure]:,} not comparable in {figure}" for figure in Figure if untold[figure]]
        if not self.failing:
            return f"{self.verdict}: {', '.join([self._of(len(self.rows)), *counts])}"
        kinds = Counter(row.verdict for row in self.failing)
        failing = ", ".join(f"{kinds[verdict]:,} {verdict}" for verdict in Verdict if kinds[verdict])
        rest = f"; the others: {', '.join(counts)}" if counts else ""
        return f"{self.verdict} in {len(self.failing):,} of {self._of(len(self.rows))}: {failing}{rest}"

    @property
    def commands(self) -> list[str]:
        """The lines for a shell that settle what is in doubt, base first; empty where nothing is."""
        lines = []
        for name, side in (("base", self.base), ("head", self.head)):
            # A folder that is about to go takes no more records.
            own = [each for each in self.more_seeds if each.side == name and side.where]
            if own and side.unpack:
                lines.append(f"{side.unpack}  # {name}: the records of {side.name} as a folder")
            for each in own:
                commit = f", at commit {each.commit}" if each.commit else ""
                lines.append(f"{each.command(side.where)}  # {name}{commit}")
        return lines

    def _of(self, rows: int) -> str:
        return f"{rows:,} row{'s' * (rows != 1)}"

    def _remark(self, verdict: Verdict) -> str:
        """Of a regression that does not gate: why."""
        found = [
            finding for row in self.rows if not row.gating for finding in row.findings if finding.verdict == verdict
        ]
        if not any(finding.is_regression or finding.announced for finding in found):
            return ""
        figures = sorted({finding.figure for finding in found if finding.is_regression})
        reasons = [*figures, *(["announced"] if any(finding.announced for finding in found) else [])]
        return f" ({', '.join(reasons)}: no failure)"


def by_reason(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Why something is not comparable → the names of the rows: whole boards have a reason in common."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for finding in row.shown_not_comparable:
            reasons[f"{finding.figure}: {finding.seen}"].append(str(row.name))
    return reasons
