"""What it costs to hand out a cell: 1,000 cells of next to no time, through two worker processes, each with its claim,
its log, its messages and its record on the disk."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

from bench.cell import Cell
from bench.engine.hardware import fingerprint
from bench.executors.job import Job, Ticket
from bench.executors.local import Local
from bench.executors.outcome import Outcome
from bench.executors.runner import Seat
from bench.registry import Registry

PLUGIN = Path(__file__).with_name("trivial.py")
MACHINE = fingerprint(torch.device("cpu"))
SEATS = [Seat(f"worker {number}", "cpu", 1) for number in (1, 2)]
CELLS = 1_000
SPARE = 1_000
"""Cells that the first process may take until the second has started."""
ROUNDS = 3
PROMISED = 20.0
"""Milliseconds a cell that there may be at most."""


class Watcher:
    """Counts the cells that each seat was given."""

    def __init__(self) -> None:
        self.given: Counter[str] = Counter()

    def say(self, text: str) -> None:
        print(text)

    def began(self, seat: str, name: str) -> None:
        self.given[seat] += 1

    def stepped(self, seat: str, done: int, total: int) -> None:
        pass

    def left(self, seat: str) -> None:
        pass


def tickets(count: int) -> list[Ticket]:
    """As many cells, none of which is on disk."""
    registry = Registry([PLUGIN])
    task, method = registry.task("trivial"), registry.method("scratch")()
    parts = task, task.pairs[0], method, task.protocols["fair"]
    return [Ticket.of(Cell(*parts, seed, "float32", None), (0, 0)) for seed in range(count)]


def both_at_work(folder: Path) -> Iterator[Outcome]:
    """A run in which each of the two processes has trained its first cell."""
    job = Job(results=folder, machine=MACHINE, folder=folder, plugins=(PLUGIN,), environment=dict(os.environ))
    watcher = Watcher()
    going = Local(job, SEATS, watcher).run(tickets(SPARE + CELLS))
    for _ in islice(going, SPARE):
        if len(watcher.given) == len(SEATS) and min(watcher.given.values()) > 1:
            return going
    raise AssertionError(f"one process ran {SPARE} cells before the other had started")


@pytest.mark.benchmark(group="scheduling")
def test_a_thousand_cells(benchmark, capsys, tmp_path):
    runs: list[Iterator[Outcome]] = []
    costs: list[float] = []

    def setup() -> None:
        for run in runs:
            run.close()
        folder = tmp_path / f"results-{len(runs)}"
        folder.mkdir()
        runs.append(both_at_work(folder))

    def timed() -> None:
        began = time.perf_counter()
        outcomes = list(islice(runs[-1], CELLS))
        seconds = time.perf_counter() - began
        assert [outcome.record.ok for outcome in outcomes] == [True] * CELLS
        busy = sum(outcome.record.cost.total_seconds for outcome in outcomes)
        costs.append(1000 * (seconds - busy / len(SEATS)) / CELLS)

    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS)
    runs[-1].close()
    cost = statistics.median(costs)
    benchmark.extra_info["milliseconds a cell"] = round(cost, 2)
    with capsys.disabled():
        print(f"\n{benchmark.name}: {cost:.2f} ms a cell in scheduling ({', '.join(f'{each:.2f}' for each in costs)})")
    assert cost < PROMISED
