"""A worker's records: the same to the bit, fair between methods. What goes wrong is in `test_worker_failures.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from toy import FAIR, Maps, Toy
from workers import TASK, cell, make_worker

from bench.engine import loaded_teacher, preparation, worker
from bench.engine.hardware import MemoryMeter
from bench.engine.preparation import quiz_mask, rehearse
from bench.engine.teachers import weights_digest
from bench.engine.worker import Best, Worker
from bench.method import Batch, Losses, Method, Outputs, Stage, Training, method
from bench.record import Record
from bench.task import Pair

TAKEN = ("scratch", "kd", "fitnets", "at", "sp", "dml", "pkd", "metadistil")

pytestmark = pytest.mark.usefixtures("short_measurements")


@pytest.fixture(scope="module")
def shared() -> Worker:
    return make_worker()


def numbers(record: Record) -> dict[str, Any]:
    """All that must repeat to the bit: everything but times, memory of the process and provenance."""
    content = record.model_dump(
        exclude={"environment": True, "provenance": True, "cost": True, "curve": {"train_seconds"}}
    )
    counted = {"steps", "samples", "train_flops", "passes", "parameters", "extra_parameters"}
    counted |= {"peak_tensor_bytes", "allocated_bytes"}
    return content | {"cost": record.cost.model_dump(include=counted)}


# --- the same again ---


@pytest.mark.parametrize("name", TAKEN)
def test_the_same_cell_gives_the_same_bits_whatever_ran_before(shared: Worker, name: str) -> None:
    first = shared.run(cell(name))
    shared.run(cell("fitnets", seed=7))
    torch.manual_seed(123)
    again = shared.run(cell(name))
    assert first.ok, first.reason
    assert numbers(first) == numbers(again)


def test_other_seeds_give_other_numbers(shared: Worker) -> None:
    first, other = (shared.run(cell("scratch", seed)) for seed in (0, 1))
    assert first.curve.train_loss != other.curve.train_loss


def test_a_student_that_draws_at_random_repeats_too(shared: Worker) -> None:
    pair = Pair("wide", "dropping")
    first = shared.run(cell("kd", pair=pair))
    torch.manual_seed(5)
    assert numbers(first) == numbers(shared.run(cell("kd", pair=pair)))


# --- the same for every method ---


class Seen:
    """What a spy's runs were given; the rehearsal's own training comes first and is forgotten."""

    def __init__(self) -> None:
        self.training: Training | None = None
        self.batches: list[Batch] = []
        self.first: dict[str, Tensor] = {}

    def note(self, training: Training, batch: Batch) -> None:
        if training is not self.training:
            self.training, self.batches = training, []
            self.first = {name: each.detach().clone() for name, each in training.student.named_parameters()}
        self.batches.append(batch)

    def rows(self) -> list[tuple[float, ...]]:
        return [tuple(row.flatten().tolist()) for batch in self.batches for row in batch.inputs]


SEEN = Seen()


@method("spy")
class Spy(Method):
    """Cross-entropy, and a note of every step."""

    taught: bool = False
    share: float = 0.0

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("train", needs=frozenset({"teacher", "hidden"} if self.taught else ())),)

    def quiz_share(self) -> float:
        return self.share

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, torch.nn.Module]:
        return {"unused": torch.nn.Linear(3, 3)}

    def prepare(self, training: Training) -> None:
        if self.taught:
            training.networks["peer"] = training.new_student(1)

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        return {"task": torch.nn.functional.cross_entropy(student.logits, labels)}

    def step(self, training: Training, batch: Batch) -> None:
        SEEN.note(training, batch)
        super().step(training, batch)


def spied(worker: Worker, **parameters: Any) -> Record:
    SEEN.training = None
    record = worker.run(cell(Spy(**parameters)))
    assert record.ok, record.reason
    return record


def test_every_method_gets_the_same_batches_and_initial_weights(shared: Worker) -> None:
    spied(shared)
    batches, first = SEEN.batches, SEEN.first
    shared.run(cell("fitnets"))
    spied(shared, taught=True)
    assert len(batches) == len(SEEN.batches) == 12
    for ours, theirs in zip(batches, SEEN.batches, strict=True):
        assert torch.equal(ours.inputs, theirs.inputs)
        assert torch.equal(ours.labels, theirs.labels)
    assert all(torch.equal(each, SEEN.first[name]) for name, each in first.items())
    built = shared._bench[1].build("narrow", 0, "student")
    assert all(torch.equal(each, first[name]) for name, each in built.named_parameters())


def test_real_methods_get_the_same_batches(shared: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    original = worker.train
    seen: list[Batch] = []

    def noted(method: Method, training: Training, stream: Iterator[Batch], *rest: Any, **options: Any) -> Any:
        def noting() -> Iterator[Batch]:
            for batch in stream:
                seen.append(batch)
                yield batch

        return original(method, training, noting(), *rest, **options)

    def batches_of(name: str) -> list[Batch]:
        seen.clear()
        assert shared.run(cell(name, seed=2)).ok
        return list(seen)

    monkeypatch.setattr(worker, "train", noted)
    expected = batches_of("scratch")
    assert len(expected) == 12
    for name in TAKEN[1:]:
        if name == "metadistil":
            continue  # its quiz is kept out: the test of the quiz below
        for ours, theirs in zip(batches_of(name), expected, strict=True):
            assert torch.equal(ours.inputs, theirs.inputs), name
            assert torch.equal(ours.labels, theirs.labels), name


def test_a_method_with_a_quiz_sees_the_shared_order_without_the_quiz(shared: Worker) -> None:
    spied(shared)
    everything = SEEN.rows()
    spied(shared, share=0.25)
    ours = SEEN.rows()
    assert len(set(ours[:36])) == len(ours[:36])
    # 48 examples of fit; 36 remain: two epochs of all hold two epochs of ours, in the same order.
    assert [row for row in everything if row in set(ours)] == ours[:72]
    assert len(ours) == 96


def test_the_quiz_is_a_part_of_fit_and_kept_out_of_the_batches(shared: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    streams: dict[str, tuple[Any, Tensor]] = {}
    make = preparation.batches

    def noted(
        task: Any, examples: Any, size: int, seed: int, items: Any = None, purpose: str = "fit", **rest
    ) -> Iterator:
        streams[purpose] = (examples, items)
        return make(task, examples, size, seed, items=items, purpose=purpose, **rest)

    monkeypatch.setattr(preparation, "batches", noted)
    assert shared.run(cell("metadistil", seed=3)).ok
    fit = shared._bench[1].splits.fit
    assert all(examples is fit for examples, _ in streams.values())
    assert torch.equal(streams["quiz"][1], ~streams["fit"][1])
    assert int(streams["quiz"][1].sum()) == round(0.1 * len(fit))


def test_the_quiz_is_a_random_share_by_the_seed() -> None:
    mask = quiz_mask(50, 0.3, 0)
    assert int(mask.sum()) == 15
    assert torch.equal(mask, quiz_mask(50, 0.3, 0))
    assert not torch.equal(mask, quiz_mask(50, 0.3, 1))


@pytest.mark.parametrize("name", [name for name in TAKEN if name not in ("scratch", "dml")])
def test_no_method_changes_the_teacher(shared: Worker, name: str) -> None:
    record = shared.run(cell(name))
    network = shared._teachers[record.teacher.key].network
    assert weights_digest(network.network.state_dict()) == record.teacher.sha256
    assert not network.training
    assert all(each.grad is None and not each.requires_grad for each in network.parameters())


# --- what the record says ---


@pytest.mark.parametrize("name", TAKEN)
def test_a_record_is_valid_and_complete(shared: Worker, name: str) -> None:
    record = shared.run(cell(name))
    assert Record.model_validate_json(record.to_json()).key == cell(name).key == record.key
    assert record.status == "ok"
    assert record.curve.steps == [3, 6, 9, 12]
    assert record.curve.samples == [24, 48, 72, 96]
    assert record.curve.epoch == [0.5, 1.0, 1.5, 2.0]
    seconds = [0.0, *record.curve.train_seconds]
    assert all(before < after for before, after in pairwise(seconds))
    assert record.cost.train_seconds >= seconds[-1]
    # The student's weights and their gradients are there in any case.
    assert record.cost.peak_tensor_bytes > 2 * 4 * record.cost.parameters
    assert record.cost.total_seconds > record.cost.train_seconds + record.cost.warmup_seconds
    assert record.result.select == record.curve.select[-1]
    assert record.select_items == record.test_items == 12
    assert (record.teacher is None) == (record.fidelity is None) == (name in ("scratch", "dml"))
    predicted, correct = record.predictions.unpack()
    labels = TASK.load(None).test.labels.numpy()
    assert ((predicted == labels) == correct).all()
    assert 100 * correct.mean() == pytest.approx(record.result.test["accuracy"])


@pytest.mark.parametrize("name", ["scratch", "fitnets", "metadistil"])
def test_flops_are_the_steps_of_every_stage_times_its_own(shared: Worker, name: str) -> None:
    wanted = cell(name)
    record = shared.run(wanted)
    bench = shared._workbench(wanted)
    loaded = shared._teacher(wanted, bench) if wanted.teacher_key else None
    flops = rehearse(wanted, bench, loaded).step_flops
    lengths = {"hints": 2, "distil": 10} if name == "fitnets" else {"train": 12}
    assert record.cost.train_flops == sum(flops[stage](None) * steps for stage, steps in lengths.items())
    assert all(each(None) > 0 for each in flops.values())
    assert record.curve.flops[-1] == record.cost.train_flops


def test_flops_of_plain_training_are_those_of_the_layers(shared: Worker) -> None:
    record = shared.run(cell("scratch"))
    # Positions, 3x3 kernels, channels 1→4→4→6, three classes; a multiply-add is 2.
    convolutions = [2 * n * 9 * a * b for n, a, b in ((16, 1, 4), (16, 4, 4), (4, 4, 6))]
    forward = sum(convolutions) + 2 * 6 * 3
    assert record.cost.student.flops == forward
    # Backward: twice the forward, without the gradient of the images.
    assert record.cost.train_flops == 12 * 8 * (3 * forward - convolutions[0])


def test_memory_is_not_that_of_evaluations(shared: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Meter(MemoryMeter):
        def pause(self) -> None:
            seen.append("pause")

        def resume(self) -> None:
            seen.append("resume")

    def noted(*given: Any, **named: Any) -> Tensor:
        seen.append("evaluation")
        return logits_of(*given, **named)

    logits_of = worker.measures.logits_of
    monkeypatch.setattr(worker.measures, "logits_of", noted)
    monkeypatch.setattr(worker, "MemoryMeter", Meter)
    record = shared.run(cell("scratch", protocol=replace(FAIR, evaluations=3)))
    assert record.ok, record.reason
    assert seen[:9] == ["pause", "evaluation", "resume"] * 3
    assert seen[9] == "pause"  # read


def test_float32_is_float32_on_a_gpu_too(shared: Worker) -> None:
    assert not torch.backends.cudnn.allow_tf32


def test_parameters_are_counted(shared: Worker) -> None:
    student = sum(each.numel() for each in TASK.network("narrow").parameters())
    teacher = sum(each.numel() for each in TASK.network("wide").parameters())
    extras = {"scratch": 0, "kd": 0, "dml": student, "metadistil": teacher, "fitnets": 4 * 6 + 2 * 6}
    for name, extra in extras.items():
        record = shared.run(cell(name))
        assert record.cost.parameters == student
        assert record.cost.extra_parameters == extra, name
    assert shared.run(cell("kd")).teacher.parameters == teacher


def test_dml_reports_peer_zero_whose_weights_are_the_pairs(shared: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Training, dict[str, Tensor]]] = []
    prepare = worker.prepare

    def noted(*given: Any) -> Any:
        training, stream = prepare(*given)
        made.append((training, {name: each.detach().clone() for name, each in training.student.named_parameters()}))
        return training, stream

    monkeypatch.setattr(worker, "prepare", noted)
    record = shared.run(cell("dml", seed=4))
    training, first = made[-1]
    built = shared._bench[1].build("narrow", 4, "student")
    assert all(torch.equal(each, first[name]) for name, each in built.named_parameters())
    assert record.reports == "peer 0, whose initial weights are the pair's"
    peer = training.networks["peer1"]
    assert not torch.equal(peer.network.fc.weight, training.student.network.fc.weight)


def test_without_select_nothing_is_said_about_it(shared: Worker) -> None:
    record = shared.run(cell("kd", protocol=Toy.protocols["paper"]))
    assert record.ok
    assert record.curve.select == [None] * 4
    assert record.select_items is None
    assert record.teacher.select is None
    assert (record.result.select, record.result.test_selected, record.result.selected_epoch) == (None, None, None)
    assert record.result.test["accuracy"] >= 0


def test_the_selected_epoch_is_the_earliest_best_that_counts(shared: Worker) -> None:
    record = shared.run(cell("fitnets", seed=2, protocol=replace(FAIR, evaluations=12)))
    counted = [
        (select, epoch)
        for select, counts, epoch in zip(record.curve.select, record.curve.counts, record.curve.epoch, strict=True)
        if counts
    ]
    assert record.curve.counts[:2] == [False, False]
    best = max(select for select, _ in counted)
    assert record.result.selected_epoch == next(epoch for select, epoch in counted if select == best)


def test_the_best_state_is_kept_although_training_goes_on() -> None:
    network = Maps((2, 2), 3)
    best = Best()
    for metric, value in ((10.0, 1.0), (30.0, 2.0), (30.0, 3.0), (20.0, 4.0)):
        with torch.no_grad():
            network.fc.bias.fill_(value)
        best.offer(metric, network)
    assert best.state["fc.bias"].tolist() == [2.0] * 3
    assert best.epoch([50.0, 10.0, 30.0, 30.0], [False, True, True, True], [0.5, 1.0, 1.5, 2.0]) == 1.5


def test_the_record_of_the_teacher_is_the_teachers(shared: Worker) -> None:
    record = shared.run(cell("kd"))
    assert record.teacher.network == "wide"
    assert record.teacher.trained_on == "fit"
    assert record.teacher.key == record.cell.teacher == cell("kd").teacher_key
    logits = shared._teachers[record.teacher.key].test_logits
    labels = TASK.load(None).test.labels
    assert record.teacher.test == pytest.approx(100 * float((logits.argmax(dim=1) == labels).double().mean()))


def test_teachers_and_data_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    teachers: list[str] = []
    loads: list[int] = []
    original = loaded_teacher.cached_teacher

    def counted(bench: Any, network: str, *rest: Any) -> Any:
        teachers.append(network)
        return original(bench, network, *rest)

    monkeypatch.setattr(loaded_teacher, "cached_teacher", counted)

    class Counted(Toy):
        def load(self, data_dir: Path | None) -> Any:
            loads.append(1)
            return super().load(data_dir)

    one = make_worker()
    task = Counted()
    for seed in (0, 1):
        assert one.run(replace(cell("kd", seed, protocol=replace(FAIR, window=5)), task=task)).ok
    assert loads == [1]
    assert teachers == ["wide"]
