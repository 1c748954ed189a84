"""Matched rows of synthetic records, as the figures are given them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.compare.finding import Finding
from bench.compare.rows import MatchedRow, matched
from bench.record import Record


def row_of(base: Sequence[Record], head: Sequence[Record]) -> MatchedRow:
    """The one row that the records are of."""
    (row,) = matched(base, head)
    return row


def brief(finding: Finding) -> tuple[str, str]:
    return finding.verdict.value, finding.seen
