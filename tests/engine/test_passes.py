"""Passes and updates: of known methods as many as their papers say, played or plain, and none of an evaluation."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional as F
from toy import FAIR, WIDTHS, Maps
from workers import cell, make_worker

from bench.engine import recorded
from bench.engine.observe import observed
from bench.engine.passes import by_name, counting
from bench.engine.worker import Worker
from bench.method import Batch, Losses, Method, Outputs, Stage, Training, method
from bench.record import Record

pytestmark = pytest.mark.usefixtures("short_measurements")
STEPS = 12


@pytest.fixture(scope="module")
def shared() -> Worker:
    return make_worker()


def a_step(record: Record) -> dict[str, tuple[float, ...]]:
    """Forward passes, backward passes and updates of each name, a step."""
    assert record.ok, record.reason
    return {
        name: (each.forwards / STEPS, each.backwards / STEPS, each.updates / STEPS)
        for name, each in record.cost.passes.items()
    }


PLAIN = (1, 1, 1)
FROZEN = (1, 0, 0)
KNOWN = {
    "scratch": {"student": PLAIN},
    "kd": {"student": PLAIN, "teacher": FROZEN},
    # The hints do not touch the logits.
    "fitnets": {"student": PLAIN, "teacher": FROZEN},
    "pkd": {"student": PLAIN, "teacher": FROZEN},
    # The peer is trained by the student's optimiser.
    "dml": {"student": PLAIN, "peer1": (1, 1, 0)},
    # Student: pilot, quiz, real update. Its teacher teaches twice, and learns from the first lesson.
    "metadistil": {"student": (3, 3, 1), "teacher": (2, 1, 1)},
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_step_of_a_known_method_has_the_passes_of_its_paper(shared: Worker, name: str) -> None:
    assert a_step(shared.run(cell(name))) == KNOWN[name]


@pytest.mark.parametrize("name", KNOWN)
def test_played_steps_count_what_was_recorded(shared: Worker, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def capture(work: Callable[[], Any]) -> Callable[[], None]:
        # As on a GPU, Python runs now; and what it starts, at each play, without being counted again.
        work()
        return lambda: None

    monkeypatch.setattr(recorded, "can_record", lambda batch: True)
    monkeypatch.setattr(recorded, "capture", capture)
    record = shared.run(cell(name))
    assert record.cost.played_steps > 0
    assert a_step(record) == KNOWN[name]


def test_evaluations_do_not_count(shared: Worker) -> None:
    few, many = (shared.run(cell("kd", protocol=replace(FAIR, evaluations=count))) for count in (1, 12))
    assert a_step(few) == a_step(many) == KNOWN["kd"]


@method("strange")
class Strange(Method):
    """Does one thing that costs more than it should, or that hooks could miss."""

    what: str = "nothing"
    needs = frozenset({"teacher"})

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("train", needs=self.needs | ({"hidden"} if self.what == "only hidden" else set())),)

    def prepare(self, training: Training) -> None:
        if self.what == "an own optimiser":
            peer = training.networks["peer"] = training.new_student(1)
            training.optimisers["peers"] = torch.optim.SGD([each for _, each in peer.named_parameters()], 0.1)
        if self.what == "the teacher by another name":
            training.networks["guide"] = training.teacher
        if self.what == "a plain module":
            training.networks["head"] = nn.Linear(3, 3)
        if self.what == "a parameter as it is":
            training.networks["constant"] = Constant()

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        return {"task": F.cross_entropy(student.logits, labels)}

    def step(self, training: Training, batch: Batch) -> None:
        getattr(self, self.what.replace(" ", "_"), super().step)(training, batch)

    def teacher_twice(self, training: Training, batch: Batch) -> None:
        training.observe_teacher(batch)
        super().step(training, batch)

    def backward_twice(self, training: Training, batch: Batch) -> None:
        loss = self.loss(training.observe_student(batch), None, batch.labels, training)
        loss["task"].backward(retain_graph=True)
        training.update(loss)

    def only_hidden(self, training: Training, batch: Batch) -> None:
        training.update({"size": training.observe_student(batch).hidden[1].square().mean()})

    def a_copy(self, training: Training, batch: Batch) -> None:
        copy.deepcopy(training.student)(batch.inputs)
        super().step(training, batch)

    def an_own_optimiser(self, training: Training, batch: Batch) -> None:
        F.cross_entropy(training.networks["peer"](batch.inputs).logits, batch.labels).backward()
        training.optimisers["peers"].step()
        training.optimisers["peers"].zero_grad()
        super().step(training, batch)

    def the_teacher_by_another_name(self, training: Training, batch: Batch) -> None:
        training.networks["guide"](batch.inputs)
        super().step(training, batch)

    def a_plain_module(self, training: Training, batch: Batch) -> None:
        student = training.observe_student(batch)
        training.update({"task": F.cross_entropy(training.networks["head"](student.logits), batch.labels)})

    def a_parameter_as_it_is(self, training: Training, batch: Batch) -> None:
        student = training.observe_student(batch)
        constant = training.networks["constant"]()
        training.update({"task": F.cross_entropy(student.logits + constant, batch.labels)})


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self) -> Tensor:
        return self.weight


STRANGE = {
    "nothing": {"student": PLAIN, "teacher": FROZEN},
    "teacher twice": {"student": PLAIN, "teacher": (2, 0, 0)},
    "backward twice": {"student": (1, 2, 1), "teacher": (0, 0, 0)},
    "only hidden": {"student": PLAIN, "teacher": (0, 0, 0)},
    "a copy": {"student": (2, 1, 1), "teacher": FROZEN},
    "an own optimiser": {"student": PLAIN, "teacher": FROZEN, "peer": (1, 1, 0), "peers": (0, 0, 1)},
    "the teacher by another name": {"student": PLAIN, "teacher": (2, 0, 0)},
    "a plain module": {"student": PLAIN, "teacher": (0, 0, 0), "head": (1, 1, 0)},
    "a parameter as it is": {"student": PLAIN, "teacher": (0, 0, 0), "constant": (1, 0, 0)},
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_step_is_counted_whatever_it_does(shared: Worker, what: str) -> None:
    assert a_step(shared.run(cell(Strange(what)))) == STRANGE[what]


def test_a_compiled_teacher_is_counted(shared: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda forward, **options: lambda *given: forward(*given))
    for what in ("nothing", "teacher twice", "the teacher by another name"):
        record = shared.run(replace(cell(Strange(what)), compiled=True))
        assert a_step(record) == STRANGE[what]


@pytest.mark.parametrize("what", ["a copy", "failing"])
def test_nothing_is_left_on_the_teacher_that_cells_share(what: str) -> None:
    @method("failing")
    class Failing(Strange):
        def failing(self, training: Training, batch: Batch) -> None:
            super().step(training, batch)
            if training.passes["student", "updates"] == 3:
                raise KeyError("in the middle of a step")

    worker = make_worker()
    record = worker.run(cell(Failing(what)))
    assert record.status == ("ok" if what == "a copy" else "error"), record.reason
    (loaded,) = worker._teachers.values()
    assert not loaded.network._forward_hooks


def test_counts_of_one_name_are_added_and_the_hooks_are_gone_after_the_block() -> None:
    one, other = (observed(Maps(WIDTHS["narrow"], 3), "float32") for _ in range(2))
    optimiser = torch.optim.SGD(one.parameters(), 0.1)
    images, counts = torch.rand(2, 1, 4, 4), Counter()
    with counting(counts, {one: "network", other: "network"}, [("network", optimiser), ("idle", optimiser)]):
        optimiser.step()
        kept = one(images).logits.sum() + other(images).logits.sum()
    kept.backward()
    one(images).logits.sum().backward()
    optimiser.step()
    assert by_name(counts) == {
        "network": {"forwards": 2, "backwards": 2, "updates": 1},
        "idle": {"forwards": 0, "backwards": 0, "updates": 1},
    }


def test_functional_gradients_are_counted() -> None:
    network, images = observed(Maps(WIDTHS["narrow"], 3), "float32").eval(), torch.rand(2, 1, 4, 4)
    counts, weights = Counter(), {name: each.detach() for name, each in network.named_parameters()}
    with counting(counts, {network: "network"}, []):
        grad(lambda given: functional_call(network, given, (images,)).logits.sum())(weights)
    assert by_name(counts)["network"] == {"forwards": 1, "backwards": 1, "updates": 0}


def test_counts_do_not_change_a_bit_of_the_gradients() -> None:
    network, images = observed(Maps(WIDTHS["narrow"], 3), "float32").eval(), torch.rand(8, 1, 4, 4)

    def gradients() -> list[Tensor]:
        outputs = network(images, frozenset({"hidden"}))
        loss = outputs.logits.square().sum() + sum(each.square().sum() for each in outputs.hidden)
        return list(torch.autograd.grad(loss, list(network.parameters())))

    plain = gradients()
    with counting(Counter(), {network: "network"}, []):
        counted = gradients()
    assert all(torch.equal(one, other) for one, other in zip(plain, counted, strict=True))


def test_an_interrupted_cell_goes_on_counting(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    wanted = cell("metadistil")
    make_worker().run(wanted)  # makes the teacher
    with pytest.raises(KeyboardInterrupt):
        make_worker(checkpoints=tmp_path, progress=stop).run(wanted)
    assert a_step(make_worker(checkpoints=tmp_path).run(wanted)) == KNOWN["metadistil"]
