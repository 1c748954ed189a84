"""The report as a comment on a pull request: the verdict, a table of what changed, and all rows under a fold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bench.board.markdown import escape, folded, grid
from bench.board.table import UNKNOWN
from bench.compare.finding import Figure, Finding
from bench.compare.report.report import Report, Row, by_reason
from bench.compare.report.words import difference, probability, remarks
from bench.errors import listed
from bench.printable import printable

MOST_CHARACTERS = 60_000
"""GitHub refuses a comment of more than 65,536."""
SHARE_OF_CHANGES = 0.6
"""Of them: what the table of changes may take, so that there is room for commands and rows."""


def render(report: Report) -> str:
    """The whole report; tables that would make it too long are cut, and say by how much."""
    head = [
        f"### {escape(report.summary)}",
        f"<sub>base {escape(str(report.base))}; head {escape(str(report.head))}</sub>",
    ]
    changes = _table(
        ("Row", "Figure", "Verdict", "Seen", "Test", "Difference"),
        list(_changes(report)),
        round(MOST_CHARACTERS * SHARE_OF_CHANGES),
    )
    reasons = _table(
        ("Not comparable", "Rows"),
        [(escape(reason), escape(listed(names, 2))) for reason, names in by_reason(report.rows).items()],
        MOST_CHARACTERS // 10,
    )
    commands = _fenced("Commands that settle what is in doubt", report.commands, MOST_CHARACTERS // 8)
    parts = [part for part in (*head, changes, reasons, commands) if part]
    left = MOST_CHARACTERS - sum(map(len, parts))
    everything = _table(("Row", *Figure), list(map(_all_of, report.rows)), left - 200)
    return "\n\n".join([*parts, folded(f"All rows: {len(report.rows):,}", everything)]) + "\n"


def _changes(report: Report) -> Iterator[Sequence[str]]:
    """What fails the command first."""
    for row in report.failing:
        yield from (_change(row, finding, "**") for finding in row.gating)
    for row in report.rows:
        yield from (_change(row, finding, "") for finding in row.notable)


def _change(row: Row, finding: Finding, mark: str) -> Sequence[str]:
    test = ", ".join(part for part in (finding.test, probability(finding.p)) if part)
    seen = "; ".join([finding.seen, *remarks(finding)])
    verdict = f"{mark}{escape(finding.verdict)}{mark}"
    return (
        escape(str(row.name)),
        escape(finding.figure),
        verdict,
        escape(seen),
        escape(test),
        escape(difference(finding.difference)),
    )


def _all_of(row: Row) -> Sequence[str]:
    """A verdict under each figure."""
    verdicts = {finding.figure: finding for finding in row.findings}
    cells = (_short(verdicts[figure]) if figure in verdicts else UNKNOWN for figure in Figure)
    return (escape(str(row.name)), *cells)


def _short(finding: Finding) -> str:
    return escape(finding.verdict + ", in doubt" * finding.in_doubt)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> str:
    """As many of the rows as there is room for, in characters; empty without rows."""
    if not rows:
        return ""
    shown, used = 0, 0
    # A cell is as wide as the widest of its column: what is not shown must not widen what is.
    widths = [len(title) for title in titles]
    while shown < len(rows):
        widths = [max(width, len(cell)) for width, cell in zip(widths, rows[shown], strict=True)]
        used = (shown + 3) * (sum(widths) + 3 * len(widths) + 2)
        if used > room:
            break
        shown += 1
    cut = len(rows) - shown
    note = (
        f"{cut:,} of {len(rows):,} lines are cut: a comment has no room for them. `--format json` has all."
        if cut
        else ""
    )
    table = grid(titles, rows[:shown], left=len(titles)) if shown else ""
    return "\n\n".join(part for part in (table, note) if part)


def _fenced(summary: str, lines: Sequence[str], room: int) -> str:
    """Lines as they are, in a fence that is longer than any inside; empty without lines."""
    if not lines:
        return ""
    shown = list(_within(map(printable, lines), room))
    cut = [f"# {len(lines) - len(shown):,} more commands: `--format json` has all"] if len(shown) < len(lines) else []
    text = "\n".join([*shown, *cut])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return folded(summary, f"{fence}sh\n{text}\n{fence}")


def _within(lines: Iterable[str], room: int) -> Iterator[str]:
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return
        yield line
