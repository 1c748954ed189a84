"""The place: the folder and the name that a record's own content gives its file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.complaints import Complaint
from bench.record import Record
from bench.store import BASELINE, Store

DEPTH = 5
"""Machine, task, protocol, pair, file."""


def place(path: Path, record: Record, results: Path) -> Iterator[Complaint]:
    """results: the folder that the file is looked for in; a file elsewhere is in a results folder of its own."""
    # Links are not followed: the name that was given is the one to judge.
    here, root = (Path(os.path.abspath(each)) for each in (path, results))
    if not here.is_relative_to(root):
        root = Path(*here.parts[:-DEPTH])
    elif here.is_relative_to(root / BASELINE):
        root /= BASELINE
    expected = Store(root).path(record.machine, record, failed=not record.ok)
    if here != expected:
        yield "path", f"is {here.relative_to(root)}: expected {expected.relative_to(root)}: it was moved or edited"
