"""Plans of the toy task, and records as if their cells had run, for the tests of what is said before a run."""

from __future__ import annotations

from pathlib import Path

import toy
from records import record

from bench.cell import Cell
from bench.engine.place import Place, place_here
from bench.plan import Plan, Selection, make_plan
from bench.record import TeacherUse
from bench.registry import Registry
from bench.store import Store

REGISTRY = Registry([Path(toy.__file__)])
HERE = place_here("cpu")
ELSEWHERE = Place("cuda", "far-gpu-80g-16c", bfloat16=True, compiler=True, cores=16, gpus=8)


def planned(store: Store, methods: str, place: Place = HERE, **changes: object) -> Plan:
    return make_plan(Selection(methods, "toy", **{"precision": "float32"} | changes), REGISTRY, store, place)


def ran(store: Store, plan: Plan, cell: Cell, seconds: float = 1.0, weights: str = "a" * 64) -> Path:
    """Writes the record of a cell that took so long in all, under a teacher of these weights."""
    made = record(cell.method.name)
    teacher = None
    if cell.teacher_key:
        teacher = TeacherUse(**dict(made.teacher) | {"key": cell.teacher_key, "sha256": weights})
    cost = made.cost.model_copy(update={"total_seconds": seconds})
    named = {"cell": cell.identity, "key": cell.key, "machine": plan.machine}
    return store.write(made.model_copy(update=named | {"cost": cost, "teacher": teacher}))
