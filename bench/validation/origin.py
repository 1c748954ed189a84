"""Which cell a record says it is of: its key, its teacher, how it ended and when, and the command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.complaints import Complaint, wrong
from bench.record import Record


def key(record: Record) -> Iterator[Complaint]:
    if record.key != record.cell.key:
        yield wrong("key", record.key, f"{record.cell.key}, the key of `cell`: one of the two was edited")


def teacher(record: Record) -> Iterator[Complaint]:
    """A finished cell has a teacher if its identity names one; one that failed may not have come so far."""
    named = record.cell.teacher
    cost = record.cost.teacher if record.cost else None
    for field, value in (("teacher", record.teacher), ("cost.teacher", cost), ("fidelity", record.fidelity)):
        if named is None and value is not None:
            yield field, "is given: expected null, as cell.teacher is null"
    if named is None or not record.ok:
        return
    if record.teacher is None:
        yield wrong("teacher", None, "the teacher that cell.teacher names")
    elif record.teacher.key != named:
        yield wrong("teacher.key", record.teacher.key, f"{named}, as cell.teacher")
    elif record.teacher.network != record.cell.pair.teacher:
        yield wrong("teacher.network", record.teacher.network, f"{record.cell.pair.teacher}, as cell.pair.teacher")
    if cost is None:
        yield wrong("cost.teacher", None, "what the teacher costs, as cell.teacher names one")
    if record.fidelity is None and record.predictions is not None:
        yield wrong("fidelity", None, "how the predictions follow the teacher's")


def ending(record: Record) -> Iterator[Complaint]:
    if not record.ok and record.result is not None:
        yield "result", f"is given: expected null in a record with status {record.status}"
    if record.ok and record.reason is not None:
        yield wrong("reason", record.reason, "null in a record with status ok")


def started(record: Record) -> Iterator[Complaint]:
    text = record.provenance.started
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        offset = None
    if offset != timedelta(0):
        yield wrong("provenance.started", text, "a date and time in UTC, such as 2026-01-31T12:00:00+00:00")


def command(record: Record) -> Iterator[Complaint]:
    """The board asks its readers to run it: it is one command of ours, and a shell runs nothing else."""
    text = record.provenance.command
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if words[:4] != ["python", "-m", "bench", "run"] or shlex.join(words) != text:
        yield wrong("provenance.command", text, "`python -m bench run` with its arguments, quoted as a run quotes them")
