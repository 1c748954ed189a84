"""The records that the protocol is held against: the committed ones, and made ones for what those lack."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import by_hand
import numpy as np
import records

from bench.board.analysis import Analysis
from bench.board.board import Board
from bench.board.group import Row
from bench.board.leaderboard import leaderboard
from bench.board.table import Figure, Table
from bench.identity import canonical
from bench.record import Predictions, Record
from bench.store import Store

REPOSITORY = Path(__file__).parents[2]
HERE, THERE = "cpu-2c-8g", "gpu-80g"
EVALUATIONS, ITEMS = 12, 60


@dataclass(frozen=True)
class World:
    """Records, and the board of them."""

    records: list[Record]

    @cached_property
    def board(self) -> Board:
        return Board.of(records.placed(self.records), Path("/repo"))

    def groups(self) -> Iterator[tuple[Analysis, by_hand.Runs]]:
        """Every section of the board with the runs that belong into it."""
        sections = {names(entry.record for entry in each.group.any_entries): each for each in self.board.analyses}
        for runs in by_hand.groups(self.records):
            if names(runs) in sections:
                yield sections[names(runs)], runs

    def section(self, task: str, protocol: str = "fair", teacher: str = "a") -> tuple[Analysis, by_hand.Runs]:
        """The one of whole budgets with this task, protocol, and first letter of the teacher's digest."""
        [found] = [
            (analysis, runs)
            for analysis, runs in self.groups()
            if (runs[0].cell.task.name, runs[0].cell.protocol["name"], runs[0].cell.budget) == (task, protocol, 1)
            and analysis.group.teacher.sha256.startswith(teacher)
        ]
        return found


def names(runs: Any) -> frozenset[tuple[str, str]]:
    return frozenset((run.machine, run.key) for run in runs)


@lru_cache
def committed() -> World:
    return World([record for _, record in Store(REPOSITORY / "results").records()])


@lru_cache
def made() -> World:
    return World([*_cifar(), *_ladder(), *_other_tasks()])


def machines(runs: by_hand.Runs) -> list[str]:
    """Where any of them ended well."""
    return sorted({run.machine for run in by_hand.done(runs)})


def page(world: World) -> str:
    """The whole Markdown."""
    return leaderboard(records.placed(world.records), REPOSITORY, REPOSITORY / "LEADERBOARD.md").text


# --- how a table is read ---


def key_of(row: Row) -> tuple[str, int, str]:
    """What a row is, as `by_hand.rows` names it."""
    [run] = {canonical(entry.record.cell.method.parameters) for entry in (*row.entries, *row.failures)}
    return row.method, row.version, run.replace(",", ", ").replace(":", ": ")


def cells(table: Table) -> Iterator[tuple[Row, dict[str, Figure]]]:
    """Every row of a table with its figures by the title of their column."""
    titles = [column.title for column in table.columns]
    for line in table.lines:
        if isinstance(line.of, Row):
            yield line.of, dict(zip(titles, line.figures, strict=True))


def column(table: Table, title: str) -> dict[tuple[str, int, str], float | None]:
    """Row → number of one column; empty if nothing in it is known."""
    return {key_of(row): shown[title].number for row, shown in cells(table) if title in shown}


# --- made records ---


QUALITY = {"scratch": 68.0, "kd": 70.0, "pkd": 70.4, "sp": 71.5, "fitnets": 70.8, "at": 73.0, "dml": 64.0, "fsp": 69.0}


def run(method: str, seed: int, task: str = "cifar100", speed: float = 1.0, **changes: Any) -> Record:
    """A run whose figures are a function of what it is; `changes` go over them, those of the record itself last."""
    draw = random.Random(f"{method} {seed} {task} 1")
    shared = random.Random(f"{seed} {task}").gauss(0, 0.6)
    level = QUALITY[method] + shared + draw.gauss(0, 0.5)
    steepness = draw.uniform(1.5, 4)
    select = [round(level * (1 - 0.5 ** (number / steepness * 4)) + draw.gauss(0, 0.5), 1) for number in range(1, 13)]
    own = {name: changes.pop(name) for name in ("in_aggregates", "tuned", "test_items") if name in changes}
    budget = changes.pop("budget", 1.0)
    options = {
        "test": round(level + draw.gauss(0, 0.3), 2),
        "test_selected": round(level + draw.gauss(0, 0.5), 2),
        "select": select,
        "seconds": round(speed * draw.uniform(9, 11), 3),
        "gpu_bytes": draw.randrange(10**8, 10**9),
    }
    record = records.record(method, seed, task=task, **options | changes)
    labels = np.arange(ITEMS) % 4
    right = np.array([draw.random() < level / 100 for _ in range(ITEMS)])
    own = {
        "test_items": ITEMS,
        "predictions": Predictions.pack(np.where(right, labels, (labels + 1) % 4), labels),
    } | own
    if budget != 1:
        cell = record.cell.model_copy(update={"budget": budget})
        own |= {"cell": cell, "key": cell.key}
    return record.model_copy(update=own)


def runs(methods: Sequence[str], seeds: Sequence[int] = range(5), **changes: Any) -> list[Record]:
    return [run(method, seed, **changes) for method in methods for seed in seeds]


def _cifar() -> list[Record]:
    """Six PKD seeds, misses, divergence, a stage that trains no classifier, few seeds, a tuned row, two machines."""
    late = [False] * 4 + [True] * (EVALUATIONS - 4)
    hints = [99.0] * 4
    return [
        *runs(["scratch", "kd", "sp", "dml"]),
        *runs(["pkd"], range(6)),
        *runs(["kd"], parameters={"temperature": 8.0}, tuned={"temperature": 8.0}, test=74.0),
        *runs(["at"], range(3)),
        *runs(["fsp"], range(3, 8)),
        *(run("fitnets", s, select=[*hints, *run("fitnets", s).curve.select[4:]], counts=late) for s in range(5)),
        records.failure("sp", 5),
        records.failure("at", 4, status="oom"),
        records.failure("fsp", 8, machine=THERE),
        *runs(["kd", "sp"], speed=0.1, machine=THERE),
        *runs(["pkd", "scratch"], range(2), speed=0.1, machine=THERE),
        *runs(["kd", "pkd"], range(2), teacher="d" * 64, teacher_key="e" * 64),
        *runs(["scratch", "kd", "pkd"], rules=records.protocol("paper", select=False), select=[None] * EVALUATIONS),
    ]


def _ladder() -> list[Record]:
    shortfall = {0.75: 0.0, 0.5: 0.2, 0.25: 3.0}
    return [
        run(method, seed, budget=budget, test=run(method, seed).result.test["accuracy"] - less)
        for method in ("pkd", "kd", "sp")
        for budget, less in shortfall.items()
        for seed in range(5)
    ]


def _other_tasks() -> list[Record]:
    """A ranked one, one with a small `select`, and one that is in no aggregate although it could be ranked."""
    every = ["scratch", "kd", "pkd", "sp", "dml"]
    return [
        *runs(every, task="sst2"),
        *runs(["kd", "sp"], task="sst2", speed=0.1, machine=THERE),
        *runs(["pkd"], range(2), task="sst2", speed=0.1, machine=THERE),
        *runs(every, task="rte", select_items=249),
        *runs(every, task="wnli", in_aggregates=False, speed=0.001),
    ]
