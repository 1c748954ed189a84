"""A cell that was interrupted goes on: its record has the bits of one that never was, and no lost time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from test_worker import numbers
from torch import Tensor, nn
from torch.nn import functional as F
from toy import FAIR, RECIPE, Toy
from workers import cell, make_worker

from bench.cell import Cell
from bench.engine import checkpoint as checkpoints
from bench.engine import clock as clock_module
from bench.engine import worker as module
from bench.method import Batch, Losses, Method, Outputs, Training, method
from bench.record import Record
from bench.task import Pair
from bench.validation.report import OF_A_FINISHED_CELL
from methods.metadistil import MetaDistil

pytestmark = pytest.mark.usefixtures("short_measurements")

OFTEN = replace(FAIR, evaluations=6)
"""After every second step of 12. FitNets' hints are the first 2."""
ADAMW = replace(OFTEN, student=replace(RECIPE, optimiser="adamw", learning_rate=0.01))


class Machine:
    """Runs cells in one folder of checkpoints, each time in a new worker, and can stop it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.given = 0
        """How many batches the last run was given."""
        self._patch = patch

    def run(
        self, wanted: Cell, stop_after: int | None = None, error: type[BaseException] = KeyboardInterrupt
    ) -> Record:
        """stop_after: how many further batches it is given before the error."""
        train, self.given = module.train, 0

        def stopping(method: Method, training: Training, stream: Iterator[Batch], *rest: Any, **options: Any) -> Any:
            def until() -> Iterator[Batch]:
                for batch in stream:
                    if self.given == stop_after:
                        raise error("stopped")
                    self.given += 1
                    yield batch

            return train(method, training, until(), *rest, **options)

        with self._patch.context() as patch:
            patch.setattr(module, "train", stopping)
            worker = make_worker(say=self.said.append, checkpoints=self.folder)
            record = worker.run(wanted)
        if record.status != "oom":
            worker.forget(wanted)  # as whoever keeps the record does
        return record

    def interrupt(self, wanted: Cell, after: int) -> None:
        with pytest.raises(KeyboardInterrupt):
            self.run(wanted, stop_after=after)

    def files(self) -> list[str]:
        return sorted(each.name for each in self.folder.glob("*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "checkpoints", monkeypatch)


def never_interrupted(wanted: Cell) -> Record:
    record = make_worker().run(wanted)
    assert record.ok, record.reason
    return record


CELLS = {
    "scratch": cell("scratch", protocol=OFTEN),
    "scratch with adamw": cell("scratch", protocol=ADAMW),
    "kd of a student with dropout": cell("kd", protocol=OFTEN, pair=Pair("wide", "dropping")),
    "fitnets": cell("fitnets", protocol=OFTEN),
    "fitnets inside its hints": cell("fitnets", protocol=replace(FAIR, evaluations=12)),
    "pkd": cell("pkd", protocol=OFTEN),
    "dml": cell("dml", protocol=OFTEN),
    "metadistil with sgd": cell(MetaDistil(teacher_optimiser="sgd"), protocol=OFTEN),
    "metadistil with adamw": cell(MetaDistil(teacher_optimiser="adamw"), protocol=OFTEN),
    "without select": cell("kd", protocol=replace(Toy.protocols["paper"], evaluations=5)),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_is_interrupted_after_every_evaluation_has_the_same_bits(machine: Machine, name: str) -> None:
    wanted = CELLS[name]
    interval = wanted.steps // wanted.protocol.evaluations
    machine.interrupt(wanted, after=interval)
    for number in range(1, wanted.protocol.evaluations - 1):
        machine.interrupt(wanted, after=interval)
        assert f"goes on from step {number * interval}" in machine.said[-1]
    record = machine.run(wanted)
    assert machine.given == interval
    assert record.ok, record.reason
    assert numbers(record) == numbers(never_interrupted(wanted))
    assert not machine.files()


@pytest.mark.parametrize("after", [1, 3, 11])
@pytest.mark.parametrize("name", ["kd of a student with dropout", "fitnets", "metadistil with sgd"])
def test_steps_since_the_last_evaluation_are_taken_again(machine: Machine, name: str, after: int) -> None:
    wanted = CELLS[name]
    machine.interrupt(wanted, after=after)
    record = machine.run(wanted)
    assert machine.given == 12 - after // 2 * 2
    assert numbers(record) == numbers(never_interrupted(wanted))


def test_a_record_of_a_cell_that_was_interrupted_is_valid_and_holds_no_lost_time(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, lost = CELLS["kd of a student with dropout"], 1000.0
    shift = [0.0]
    now = clock_module.time.perf_counter
    monkeypatch.setattr(clock_module.time, "perf_counter", lambda: now() + shift[0])
    machine.interrupt(wanted, after=4)
    first = state_of(machine)
    shift[0] += lost
    machine.interrupt(wanted, after=3)
    shift[0] += lost
    record = machine.run(wanted)
    cost, seconds = record.cost, [0.0, *record.curve.train_seconds]
    assert [complaint for check in OF_A_FINISHED_CELL for complaint in check(record)] == []
    assert all(before < after for before, after in pairwise(seconds))
    assert cost.total_seconds < lost
    assert cost.train_seconds + cost.evaluation_seconds + cost.warmup_seconds < cost.total_seconds
    # What was counted before the interruption is in it.
    assert seconds[2] == first["loop"]["clock"]["seconds"]
    assert cost.warmup_seconds > first["warmup"]["seconds"] > 0
    assert cost.evaluation_seconds > first["evaluation"]["seconds"] > 0


def state_of(machine: Machine) -> dict[str, Any]:
    (name,) = machine.files()
    content = (machine.folder / name).read_bytes()[: -checkpoints.DIGEST]
    return torch.load(checkpoints.io.BytesIO(content), weights_only=True)["state"]


def other_threads(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(torch, "get_num_threads", lambda: 7)


def other_source(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkpoints, "package_digest", lambda: "changed")


def other_versions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(checkpoints, "versions", lambda: {"torch": "0.1"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_threads, "threads: was 1, now 7"),
        (other_source, "source of kdbench: was"),
        (other_versions, "torch: was"),
    ],
)
def test_under_other_conditions_a_cell_starts_again_and_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, change: Callable, told: str
) -> None:
    wanted = CELLS["scratch"]
    machine.interrupt(wanted, after=5)
    with monkeypatch.context() as patch:
        change(patch)
        record = machine.run(wanted)
    assert machine.given == 12
    assert told in machine.said[0]
    assert "starts again" in machine.said[0]
    assert numbers(record) == numbers(never_interrupted(wanted))


def test_a_damaged_checkpoint_is_said_and_the_cell_starts_again(machine: Machine) -> None:
    wanted = CELLS["scratch"]
    machine.interrupt(wanted, after=5)
    (path,) = machine.folder.glob("*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    record = machine.run(wanted)
    assert machine.given == 12
    assert "is damaged" in machine.said[0]
    assert numbers(record) == numbers(never_interrupted(wanted))


def test_a_cell_whose_checkpoints_cannot_be_written_is_ok(machine: Machine) -> None:
    machine.folder.write_text("a file in the folder's place")
    assert machine.run(CELLS["scratch"]).ok
    assert sum("cannot be written" in line for line in machine.said) == 1


@pytest.mark.parametrize(
    ("error", "status", "kept"), [(KeyError, "error", False), (MemoryError, "oom", True), (None, "ok", False)]
)
def test_a_checkpoint_outlives_a_cell_that_is_tried_again_alone(
    machine: Machine, error, status: str, kept: bool
) -> None:
    wanted = CELLS["scratch"]
    record = machine.run(wanted, stop_after=5 if error else None, error=error or KeyboardInterrupt)
    assert record.status == status
    assert machine.files() == ([f"{wanted.key[:12]}.checkpoint"] if kept else [])


def test_a_cell_that_ends_as_nan_leaves_no_checkpoint(machine: Machine) -> None:
    assert machine.run(cell(Hoarder("nan"), protocol=OFTEN)).status == "nan"
    assert not machine.files()


def test_checkpoints_are_of_one_cell(machine: Machine) -> None:
    machine.interrupt(cell("scratch", protocol=OFTEN), after=5)
    assert machine.run(cell("scratch", seed=1, protocol=OFTEN)).ok
    assert machine.given == 12
    assert not machine.said
    assert len(machine.files()) == 1


@method("hoarder")
class Hoarder(Method):
    """Keeps what a step leaves for the next where it says."""

    where: str = "buffers"

    def adapters(self, student: Outputs, teacher: Outputs | None) -> dict[str, nn.Module]:
        counter = nn.Module()
        counter.register_buffer("count", torch.ones(()))
        return {"counter": counter}

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        counter = training.adapters["counter"].count
        counter += 1
        if self.where == "self":
            object.__setattr__(self, "count", float(counter))
        if self.where == "training":
            training.count = float(counter)
        nan = self.where == "nan" and counter > 6
        return {"task": F.cross_entropy(student.logits, labels) / (0 * counter if nan else counter)}


@pytest.mark.parametrize("where", ["self", "training"])
def test_a_method_that_keeps_state_elsewhere_has_no_checkpoint_and_it_is_said(machine: Machine, where: str) -> None:
    wanted = cell(Hoarder(where), protocol=OFTEN)
    machine.interrupt(wanted, after=5)
    assert not machine.files()
    assert machine.run(wanted).ok
    assert machine.given == 12
    told = f"no checkpoint: hoarder keeps state in {where}.count: a training that was interrupted starts again"
    assert machine.said == [told, told]


def test_state_in_buffers_of_adapters_is_kept(machine: Machine) -> None:
    wanted = cell(Hoarder("buffers"), protocol=OFTEN)
    machine.interrupt(wanted, after=5)
    record = machine.run(wanted)
    assert machine.given == 8
    assert numbers(record) == numbers(never_interrupted(wanted))


def test_another_teacher_is_another_condition(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = cell("kd", protocol=OFTEN)
    machine.interrupt(wanted, after=5)
    load = module.load_teacher

    def other(*given: Any) -> Any:
        loaded = load(*given)
        return replace(loaded, use=loaded.use.model_copy(update={"sha256": "0" * 64}))

    monkeypatch.setattr(module, "load_teacher", other)
    assert machine.run(wanted).ok
    assert machine.given == 12
    assert "teacher: was" in machine.said[0]


def test_without_a_folder_no_checkpoint_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints.Checkpoint, "save", lambda *given: pytest.fail("saved"))
    assert make_worker().run(cell("scratch")).ok
