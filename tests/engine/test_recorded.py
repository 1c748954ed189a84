"""Steps played from a recording do what plain steps do. Here the recording runs its Python again each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from toy import FAIR
from workers import cell, make_worker

from bench.engine import recorded, training
from bench.engine.recorded import PLAIN_STEPS, can_record
from bench.engine.training import stage_steps
from bench.engine.worker import Worker
from bench.method import Batch, Losses, Method, Outputs, Training, method
from bench.record import Record
from methods.fitnets import FitNets
from methods.metadistil import MetaDistil

pytestmark = pytest.mark.usefixtures("short_measurements")


@pytest.fixture(scope="module")
def shared() -> Worker:
    return make_worker()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """What is recorded in the test, as if the CPU could."""
    works = []

    def capture(work: Callable[[], Any]) -> Callable[[], Any]:
        works.append(work)
        return work

    monkeypatch.setattr(recorded, "can_record", lambda batch: isinstance(batch.inputs, Tensor))
    monkeypatch.setattr(recorded, "capture", capture)
    return works


def losses(record: Record) -> list[float]:
    assert record.ok, record.reason
    return record.curve.train_loss


@pytest.mark.parametrize("name", ["scratch", "kd", "fitnets", "dml", "pkd", "metadistil"])
def test_played_steps_learn_what_plain_steps_learn(
    shared: Worker, monkeypatch: pytest.MonkeyPatch, played: list, name: str
) -> None:
    record, this = shared.run(cell(name)), cell(name)
    lengths = stage_steps(this.method.stages(), this.steps)
    assert record.cost.played_steps == sum(max(0, length - PLAIN_STEPS) for length in lengths) > 0
    monkeypatch.undo()
    plain = shared.run(this)
    assert plain.cost.played_steps == 0
    # The rate is a float32 where it is a tensor.
    assert losses(record) == pytest.approx(losses(plain), rel=1e-4)


# A teacher that learns so fast shows which batches of the quiz it was given.
@pytest.mark.parametrize(
    ("taken", "played_steps"),
    [(FitNets(), 4), (MetaDistil(teacher_rate=50.0, quiz=0.5), 6)],
    ids=["fitnets", "metadistil"],
)
def test_a_cell_of_played_steps_goes_on_where_it_was_interrupted(
    shared: Worker, tmp_path: Path, played: list, taken: Method, played_steps: int
) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    this = cell(taken, protocol=replace(FAIR, evaluations=2))
    never = shared.run(this)
    with pytest.raises(KeyboardInterrupt):
        make_worker(checkpoints=tmp_path, progress=stop).run(this)
    record = make_worker(checkpoints=tmp_path).run(this)
    # Of 12 steps; both processes, and FitNets' second stage, begin with plain ones.
    assert record.cost.played_steps == played_steps
    assert losses(record) == pytest.approx(losses(never), rel=1e-4)


@method("turning")
class Turning(Method):
    """Decides by a number."""

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        weight = 1.0 if training.progress < 0.5 else 3.0
        return {"task": weight * F.cross_entropy(student.logits, labels)}


@method("counting")
class Counting(Turning):
    """Says so."""

    repeats = False


@method("greedy")
class Greedy(Turning):
    """Takes two batches of its quiz."""

    def quiz_share(self) -> float:
        return 0.5

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        quizzes = [training.quiz() for _ in range(2)]
        return {"task": sum(F.cross_entropy(training.student(each.inputs).logits, each.labels) for each in quizzes)}


@pytest.mark.parametrize("kind", [Turning, Greedy])
def test_a_step_that_cannot_be_recorded_is_taken_as_it_comes(
    shared: Worker, monkeypatch: pytest.MonkeyPatch, kind: type[Method]
) -> None:
    def capture(work: Callable[[], Any]) -> None:
        # As on a GPU nothing of it happens, and a tensor is no number meanwhile.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training.Training, "update", lambda self, losses: None)
            patch.setattr(Tensor, "__bool__", refuse)
            work()

    def refuse(tensor: Tensor) -> bool:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(recorded, "can_record", lambda batch: False)
    plain = shared.run(cell(kind()))
    monkeypatch.setattr(recorded, "can_record", lambda batch: True)
    monkeypatch.setattr(recorded, "capture", capture)
    record = shared.run(cell(kind()))
    assert record.cost.played_steps == 0
    assert losses(record) == losses(plain)


def test_a_method_can_say_that_its_steps_are_not_alike(shared: Worker, played: list) -> None:
    assert losses(record := shared.run(cell(Counting())))
    assert record.cost.played_steps == 0
    assert not played


def test_texts_and_the_cpu_are_not_recorded() -> None:
    assert not can_record(Batch({"input_ids": torch.ones(2, 3)}, torch.zeros(2)))
    assert not can_record(Batch(torch.ones(2, 3), torch.zeros(2)))
