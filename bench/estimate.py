"""How long a plan takes: from records of the same work on this machine, else from a timed forward and backward."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from bench.cell import Cell
from bench.engine.clock import synchronise
from bench.engine.observe import observed
from bench.engine.randomness import seeded
from bench.engine.teachers import cached_path, teacher_identity
from bench.engine.workbench import blank
from bench.plan import Plan
from bench.store import Store, read
from bench.task import Task

RECORD_BYTES = 40_000
"""About what a record of 10,000 test items takes."""
REPEATS = 3


@dataclass(frozen=True)
class Estimate:
    """Of a list of cells: seconds of work, and bytes of records and teachers."""

    seconds: float
    bytes: int


@dataclass(frozen=True)
class Speed:
    """Seconds per example and bytes of one network on the device."""

    forward: float
    both: float
    """Forward and backward."""
    weights: int


def estimate(plan: Plan, cells: list[Cell], store: Store) -> Estimate:
    """What these cells of the plan take, the teachers they still need included."""
    speeds: dict[tuple[Task, str, str], Speed] = {}

    def speed(cell: Cell, network: str) -> Speed:
        where = (cell.task, network, cell.precision)
        if where not in speeds:
            speeds[where] = measure(cell, network, plan.device)
        return speeds[where]

    seconds, size = 0.0, 0
    teachers: set[str] = set()
    for cell in cells:
        size += RECORD_BYTES
        seconds += measured(plan.machine, cell, store) or computed(cell, speed)
        if cell.teacher_key is None or plan.brought or cell.teacher_key in teachers:
            continue
        teachers.add(cell.teacher_key)
        identity = teacher_identity(cell.task, cell.pair.teacher, cell.protocol, cell.precision)
        if not cached_path(identity).exists():
            teacher = speed(cell, cell.pair.teacher)
            recipe = cell.protocol.teacher.resolved(cell.task.resolve(cell.pair.teacher))
            seconds += recipe.epochs * cell.teacher_fit_items * teacher.both
            size += teacher.weights
    return Estimate(seconds, size)


def measured(machine: str, cell: Cell, store: Store) -> float | None:
    """The median of the same method, task, pair, protocol and budget on this machine, from finished records."""
    folder = store.path(machine, cell.identity, cell.key).parent
    names = folder.glob(f"{cell.method.name}-s*.json")
    times = [
        record.cost.total_seconds for record in map(read, names) if record.ok and record.cell.budget == cell.budget
    ]
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
