"""A plugin whose cells take next to no time: after the first of a process, records are made of that one's parts.

`cost.total_seconds` of these records are the seconds that the worker was busy with the cell.
"""

from __future__ import annotations

import multiprocessing
import time
from datetime import UTC, datetime

from toy import Toy

from bench.cell import Cell
from bench.engine.ended import ended
from bench.engine.worker import Worker
from bench.record import Record

PARTS = ("status", "select_items", "test_items", "teacher", "result", "curve", "cost", "fidelity", "calibration")
PARTS += ("predictions",)
train = Worker.run
first: list[Record] = []


class Trivial(Toy):
    """The toy task, of which only the first cell of a process is trained."""

    name = "trivial"


def run(worker: Worker, cell: Cell) -> Record:
    """In the place of `Worker.run`: a whole record, of the usual size."""
    began, started = time.perf_counter(), datetime.now(UTC)
    if first:
        worker.begun()
        parts = {name: getattr(first[0], name) for name in PARTS}
        record = ended(cell, worker.device, worker.brought, worker.skips, started, **parts)
    else:
        record = train(worker, cell)
        first.append(record)
    cost = record.cost.model_copy(update={"total_seconds": time.perf_counter() - began})
    return record.model_copy(update={"cost": cost})


if multiprocessing.parent_process():  # not where cells are planned
    Worker.run = run
