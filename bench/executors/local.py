"""The local executor: one cell after the other in this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cell import Cell
from bench.engine.worker import Worker
from bench.record import Record
from bench.store import Store


@dataclass(frozen=True)
class Outcome:
    """A cell that ended, and its record on disk."""

    cell: Cell
    record: Record
    path: Path


def execute(cells: list[Cell], worker: Worker, store: Store) -> Iterator[Outcome]:
    """Runs the cells in order; each record is on disk before the next cell starts."""
    for cell in cells:
        record = worker.run(cell)
        yield Outcome(cell, record, store.write(record))
