"""How long a plan takes: from records of the same work on its machine, else from a timed forward and backward."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.cell import Cell
from bench.engine.clock import synchronise
from bench.engine.observe import observed
from bench.engine.place import is_here
from bench.engine.randomness import seeded
from bench.engine.teachers import cached_path, teacher_identity
from bench.engine.workbench import blank
from bench.plan import Plan
from bench.store import Store, read, slug
from bench.task import Pair, Task

RECORD_BYTES = 40_000
"""About what a record of 10,000 test items takes."""
REPEATS = 3
MOST_READ = 5
"""Records of one method, task, pair and protocol."""


@dataclass(frozen=True)
class Estimate:
    """Of a list of cells: seconds of work, and bytes of records and teachers."""

    seconds: float
    bytes: int
    unknown: int
    """How many cells and trainings of teachers are in neither, since nothing tells how long they take elsewhere."""
    each: dict[str, float]
    """Seconds by the key of the cell, teachers not included."""


@dataclass(frozen=True)
class Speed:
    """Seconds per example and bytes of one network on the device."""

    forward: float
    both: float
    """Forward and backward."""
    weights: int


def estimate(plan: Plan, cells: list[Cell], store: Store) -> Estimate:
    """What these cells of the plan take, the teachers they still need included.

    What no record tells is timed, if the plan is for this machine.
    """
    here, times = is_here(plan.place), RecordedTimes(plan.machine, store)
    speeds: dict[tuple[Task, str, str], Speed] = {}

    def speed(cell: Cell, network: str) -> Speed:
        where = (cell.task, network, cell.precision)
        if where not in speeds:
            speeds[where] = measure(cell, network, torch.device(plan.place.device))
        return speeds[where]

    seconds, size, unknown = 0.0, 0, 0
    by_key: dict[str, float] = {}
    teachers: set[str] = set()
    for alike in rows(cells):
        cell, seeds = alike[0], len(alike)
        each = times.of(cell)
        if each is None and here:
            each = computed(cell, speed)
        if each is None:
            unknown += seeds
        else:
            seconds += seeds * each
            size += seeds * RECORD_BYTES
            by_key |= dict.fromkeys((one.key for one in alike), each)
        if cell.teacher_key is None or plan.brought or cell.teacher_key in teachers:
            continue
        teachers.add(cell.teacher_key)
        identity = teacher_identity(cell.task, cell.pair.teacher, cell.protocol, cell.precision)
        if cached_path(identity).exists():
            continue
        if here:
            teacher = speed(cell, cell.pair.teacher)
            recipe = cell.protocol.teacher.resolved(cell.task.resolve(cell.pair.teacher))
            seconds += recipe.epochs * cell.teacher_fit_items * teacher.both
            size += teacher.weights
        else:
            unknown += 1
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()  # what was timed is over, and whoever runs the cells needs the memory
    return Estimate(seconds, size, unknown, by_key)


def rows(cells: list[Cell]) -> list[list[Cell]]:
    """The cells, those that differ in the seed alone together."""
    found: dict[tuple[Task, Pair, int, float], list[Cell]] = {}
    for cell in cells:
        # Seeds share the method's object; a plan has one protocol a task, which could not be hashed.
        found.setdefault((cell.task, cell.pair, id(cell.method), cell.budget), []).append(cell)
    return list(found.values())


class RecordedTimes:
    """How long cells took on a machine, from the first few records, in the order of their names."""

    def __init__(self, machine: str, store: Store) -> None:
        self.machine = machine
        self.store = store
        self._finished: dict[Path, dict[str, list[str]]] = {}
        self._times: dict[tuple[Path, str], list[tuple[float, float]]] = {}

    def of(self, cell: Cell) -> float | None:
        """The median in seconds of the same method, task, pair, protocol and budget; None if no record that was read
        is of these."""
        folder, method = self.store.folder(self.machine, cell), slug(cell.method.name)
        if folder not in self._finished:
            self._finished[folder] = self.store.finished(self.machine, cell)
        if (folder, method) not in self._times:
            names = self._finished[folder].get(method, [])[:MOST_READ]
            records = [record for record in (read(folder / name) for name in names) if record.ok]
            self._times[folder, method] = [(record.cell.budget, record.cost.total_seconds) for record in records]
        times = [seconds for budget, seconds in self._times[folder, method] if budget == cell.budget]
        return statistics.median(times) if times else None


def computed(cell: Cell, speed: Callable[[Cell, str], Speed]) -> float:
    """From the budget and the speed of one step's parts."""
    student = speed(cell, cell.pair.student)
    step = student.both + (speed(cell, cell.pair.teacher).forward if cell.method.uses_teacher else 0.0)
    training = cell.recipe.epochs * cell.fit_items * step * cell.method.relative_cost
    evaluated = cell.protocol.evaluations * cell.select_items + 2 * cell.task.test_items
    return training + evaluated * student.forward


def measure(cell: Cell, network: str, device: torch.device) -> Speed:
    """The fastest of a few batches: what else the machine does only ever adds time."""
    with seeded(0, "estimate"):
        module = cell.task.network(network).to(memory_format=torch.channels_last)
    wrapped = observed(module, cell.precision).to(device)
    size = cell.recipe.batch_size
    batch = blank(cell.task, size, device)
    forward = both = math.inf
    for _ in range(REPEATS):
        synchronise(device)
        start = time.perf_counter()
        logits = wrapped(batch.inputs).logits
        synchronise(device)
        middle = time.perf_counter()
        logits.square().mean().backward()
        synchronise(device)
        forward, both = min(forward, middle - start), min(both, time.perf_counter() - start)
    weights = sum(each.numel() * each.element_size() for each in module.parameters())
    return Speed(forward / size, both / size, weights)
