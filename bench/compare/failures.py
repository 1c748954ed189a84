"""Runs that failed: a failure that base does not have is a regression, whatever it is compared with."""

from __future__ import annotations

from bench.compare.finding import Figure, Finding, Verdict
from bench.compare.rows import MatchedRow
from bench.compare.words import of_seeds
from bench.record import Record

LONGEST = 200
"""Characters of an error's message that are shown."""


def failures(row: MatchedRow) -> Finding:
    """Of a row that head has; base need not have it. A seed that base never ran has not failed there.

    One that fails in another way than before fails anew.
    """
    before = row.base.failed if row.base else {}
    done = row.base.done if row.base else {}
    new = {
        seed: record
        for seed, record in row.head.failed.items()
        if seed not in before or before[seed].status != record.status
    }
    mended = sorted(before.keys() & row.head.done.keys())
    if new:
        seed = min(new)
        unknown = [each for each in new if each not in done and each not in before]
        was = f"{before[seed].status} → " if seed in before else ""
        parts = [
            f"{was}{new[seed].status} at seed {seed}: {_message(new[seed])}",
            f"{len(new)} of {len(row.head.by_seed)} runs fail anew" if len(new) > 1 else "",
            f"base has not run {of_seeds(unknown)}" if row.base and unknown else "",
        ]
        return Finding(row.name, Figure.FAILURES, Verdict.FAILURE, "; ".join(filter(None, parts)))
    if mended:
        seen = f"{before[mended[0]].status} → ok ({of_seeds(mended)})"
        return Finding(row.name, Figure.FAILURES, Verdict.BETTER, seen)
    kept = row.head.failed
    seen = f"{kept[min(kept)].status} as before ({of_seeds(kept)})" if kept else "no run failed"
    return Finding(row.name, Figure.FAILURES, Verdict.SAME, seen)


def _message(record: Record) -> str:
    """The last line of the traceback."""
    return record.reason.strip().rpartition("\n")[2].strip()[:LONGEST]
