"""Every method, once through the whole machine on the digits task: real data, few steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.cell import Cell
from bench.engine.place import place_here
from bench.engine.worker import Worker
from bench.plan import Plan, Selection, make_plan
from bench.record import Record
from bench.registry import Registry
from bench.store import Store, state_of
from tasks.digits import Digits

pytestmark = pytest.mark.usefixtures("short_measurements")
REGISTRY = Registry()
NAMES = [plugin.name for plugin in REGISTRY.plugins("methods")]
SMOKE = Digits.protocols["smoke"]
QUICK = replace(
    SMOKE,
    student=replace(SMOKE.student, epochs=2),
    teacher=replace(SMOKE.teacher, epochs=0.4),
    evaluations=3,
    select_items=30,
)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return Worker(torch.device("cpu"), None, lambda name: REGISTRY.method(name)(), say=lambda line: None)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    store = Store(tmp_path_factory.mktemp("results"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Digits, "protocols", {"smoke": QUICK})
        yield make_plan(Selection("all", "digits", "all", "smoke"), REGISTRY, store, place_here("cpu"))


def cells(plan: Plan, name: str) -> list[Cell]:
    return [cell for cell in plan.cells if cell.method.name == name]


@pytest.mark.parametrize("name", NAMES)
def test_a_method_leaves_a_valid_record_on_every_pair_it_takes(
    plan: Plan, worker: Worker, name: str, tmp_path: Path
) -> None:
    skipped = [skip for skip in plan.skips if skip.method == name]
    chosen = cells(plan, name)
    assert len(skipped) + len(chosen) == len(Digits.pairs)
    assert chosen
    store = Store(tmp_path)
    for cell in chosen:
        record = worker.run(cell)
        assert record.ok, record.reason
        path = store.write(record)
        assert state_of(store.mark(record.machine, cell)) == "done"
        assert Record.model_validate_json(path.read_text()).to_json() == record.to_json()
        assert record.curve.steps == [2, 4, 6]
        passes = record.cost.passes
        assert passes["student"].updates == 6
        assert min(passes["student"].forwards, passes["student"].backwards) >= 6
        assert "teacher" in passes or not cell.method.uses_teacher


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_that_is_interrupted_goes_on_to_the_same_bits(
    plan: Plan, worker: Worker, name: str, tmp_path: Path
) -> None:
    cell = cells(plan, name)[-1]
    expected = worker.run(cell)
    keeping = Worker(torch.device("cpu"), None, worker.plain, checkpoints=tmp_path, say=lambda line: None)
    keeping._teachers, keeping._bench = worker._teachers, worker._bench
    keeping.progress = stop
    with pytest.raises(KeyboardInterrupt):
        keeping.run(cell)
    seen: list[int] = []
    keeping.progress = lambda done, total: seen.append(done)
    assert_same(keeping.run(cell), expected)
    assert seen == [4, 6]


def stop(done: int, total: int) -> None:
    if done == 4:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["scratch", "fitnets", "tinybert", "metadistil"])
def test_the_same_cell_gives_the_same_bits(plan: Plan, worker: Worker, name: str) -> None:
    cell = cells(plan, name)[-1]
    first, other, again = worker.run(cell), worker.run(cells(plan, "dml")[0]), worker.run(cell)
    assert other.ok
    assert_same(first, again)


def assert_same(first: Record, again: Record) -> None:
    assert first.ok, first.reason
    assert first.curve.train_loss == again.curve.train_loss
    assert first.curve.select == again.curve.select
    assert first.result == again.result
    assert first.calibration == again.calibration
    assert first.predictions == again.predictions
    assert first.teacher == again.teacher
    assert first.cost.passes == again.cost.passes
    assert first.cost.allocated_bytes == again.cost.allocated_bytes > 0
