"""The report for a terminal: what fails first, one line for each row that has nothing to say, the verdict last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.compare.finding import Finding
from bench.compare.report.report import Report, Row, by_reason
from bench.compare.report.words import basis, headline
from bench.errors import listed
from bench.printable import printable

MOST_QUIET = 60
"""Rows without a change that are listed; of more, their number."""
MOST_NAMED = 2
"""Rows that are named with a reason that many share."""


def render(report: Report) -> str:
    """The whole report. Names come from other people's records: nothing in them moves the cursor."""
    parts = [
        [f"base {report.base}", f"head {report.head}"],
        list(_rows("REGRESSIONS", [(row, row.gating) for row in report.failing])),
        list(_rows("ALSO CHANGED OR IN DOUBT", [(row, row.notable) for row in report.rows if row.notable])),
        list(_not_comparable(report.rows)),
        list(_unchanged(report.rows)),
        ["MORE SEEDS SETTLE WHAT IS IN DOUBT", *(f"  {line}" for line in report.commands)] if report.commands else [],
        [report.summary],
    ]
    return "\n\n".join("\n".join(map(printable, lines)) for lines in parts if lines) + "\n"


def _rows(title: str, rows: Sequence[tuple[Row, Sequence[Finding]]]) -> Iterator[str]:
    """Row by row, a line for each finding and one for what it rests on."""
    if rows:
        yield title
    for row, findings in rows:
        yield str(row.name)
        for finding in findings:
            yield f"  {headline(finding)}"
            if rests_on := basis(finding):
                yield f"    {rests_on}"


def _not_comparable(rows: Iterable[Row]) -> Iterator[str]:
    """Reason by reason, since whole boards have them in common."""
    reasons = by_reason(rows)
    if reasons:
        yield "NOT COMPARABLE"
    for reason, names in reasons.items():
        yield f"  {reason}"
        yield f"    {names[0]}" if len(names) == 1 else f"    {len(names):,} rows: {listed(names, MOST_NAMED)}"


def _unchanged(rows: Iterable[Row]) -> Iterator[str]:
    quiet = [row for row in rows if row.unchanged and not row.gating and not row.notable]
    if quiet:
        yield "NO CHANGE"
    if len(quiet) > MOST_QUIET:
        yield f"  {len(quiet):,} rows"
        return
    for row in quiet:
        yield f"  {row.name}: {', '.join(row.unchanged)}"
