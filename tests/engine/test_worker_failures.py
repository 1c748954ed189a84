"""A worker when something goes wrong: what is a record, what ends the run, and which teachers it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from toy import FAIR, Maps, Toy
from workers import REGISTRY, TASK, cell, make_worker

from bench.cell import Skip
from bench.engine.teachers import Brought, weights_digest
from bench.engine.worker import Worker
from bench.errors import DataError, TeacherError
from bench.method import Losses, Method, Outputs, Training, method
from bench.record import Record
from methods.scratch import Scratch

pytestmark = pytest.mark.usefixtures("short_measurements")


@pytest.fixture(scope="module")
def shared() -> Worker:
    return make_worker()


@method("broken")
class Broken(Method):
    """Fails in its third step of training, after those of the rehearsal."""

    how: str = "error"

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        if self.how == "last" and training.progress == 11 / 12:
            return {"task": student.logits.sum() * 1e38}
        if self.how == "nan":
            return {"task": student.logits.sum() * float("nan")}
        if training.progress > 0.2 and self.how != "last":
            if self.how == "allocator":
                torch.empty(2**60, dtype=torch.uint8)
            raise {"memory": MemoryError, "device": torch.OutOfMemoryError}.get(self.how, KeyError)("lost")
        return {"task": student.logits.square().mean()}


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("error", "error", "KeyError: 'lost'"),
        ("memory", "oom", "MemoryError: lost"),
        ("device", "oom", "OutOfMemoryError: lost"),
        ("allocator", "oom", "DefaultCPUAllocator"),
        ("nan", "nan", "the training loss is nan at step 3 of 12"),
    ],
)
def test_what_goes_wrong_is_a_record(shared: Worker, how: str, status: str, reason: str) -> None:
    record = shared.run(cell(Broken(how)))
    assert record.status == status
    assert reason in record.reason
    assert record.result is record.curve is record.cost is None
    Record.model_validate_json(record.to_json())
    if how != "nan":
        assert "Traceback" in record.reason
        assert Path(__file__).name in record.reason  # the traceback shows where
    assert shared.run(cell("scratch")).ok


def test_a_quiz_without_examples_is_an_error_and_not_an_endless_run(shared: Worker) -> None:
    record = shared.run(cell(replace(REGISTRY.method("metadistil")(), quiz=0.001)))
    assert record.status == "error"
    assert "no examples to make batches of for 'quiz'" in record.reason


def test_missing_data_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no toys in"):
        make_worker(data_dir=tmp_path).run(cell("scratch"))


def test_a_brought_teacher_is_used_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    torch.manual_seed(8)
    weights = TASK.network("wide").state_dict()
    save_file(weights, path)
    brought = Brought.read(path)
    record = make_worker(brought).run(cell("kd", brought=brought))
    assert record.ok
    assert record.teacher.trained_on == "unknown"
    assert record.teacher.train_seconds is None
    assert record.teacher.sha256 == weights_digest(weights)
    assert record.provenance.command.endswith(f"--teacher {path}")


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_a_brought_teacher_that_does_not_fit_is_named(tmp_path: Path, change: str) -> None:
    weights = TASK.network("wide").state_dict()
    if change == "missing":
        del weights["fc.bias"]
    else:
        weights["fc.bias"] = torch.zeros(4)
    path = tmp_path / "mine.safetensors"
    save_file(weights, path)
    brought = Brought.read(path)
    with pytest.raises(TeacherError, match=r"mine\.safetensors does not fit the network 'wide'.*\n.*fc\.bias"):
        make_worker(brought).run(cell("kd", brought=brought))


def test_a_cached_teacher_of_another_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    assert make_worker().run(cell("kd")).ok
    monkeypatch.setattr(Toy, "network", lambda self, name: Maps((4, 6, 9), 3))
    with pytest.raises(TeacherError, match=r"toy-wide-[0-9a-f]{12}\.safetensors does not fit the network 'wide'"):
        make_worker().run(cell("kd"))


def test_a_record_names_what_was_skipped_on_its_pair() -> None:
    here, elsewhere = Skip("fsp", "toy", TASK.pairs[0], "widths"), Skip("sp", "toy", TASK.pairs[1], "depths")
    other = Skip("at", "digits", TASK.pairs[0], "maps")
    assert make_worker(skips=(here, elsewhere, other)).run(cell("scratch")).skipped == {"fsp": "widths"}


def test_weights_that_are_not_finite_after_the_last_step_are_nan(shared: Worker) -> None:
    record = shared.run(cell(Broken("last")))
    assert record.status == "nan"
    assert record.reason == "the logits on test are not finite after the last step"


@pytest.mark.parametrize("error", [MemoryError("lost"), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_memory_that_runs_out_while_a_teacher_trains_is_oom(tmp_path, monkeypatch, error: Exception) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr("bench.engine.teachers.train", fail)
    record = make_worker().run(cell("kd"))
    assert record.status == "oom"
    assert "the teacher wide (toy, fair) could not be made" in record.reason


def test_plain_training_makes_the_teachers() -> None:
    asked: list[str] = []
    worker = make_worker()
    worker.plain = lambda name: asked.append(name) or Scratch()
    assert worker.run(cell("kd", protocol=replace(FAIR, controls=("scratch", "kd")))).ok
    assert asked == ["scratch"]
