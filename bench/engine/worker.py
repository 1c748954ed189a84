"""A worker: serves many cells with imports, data and teachers loaded once. `run` makes one cell's record."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from bench.cell import Cell
from bench.engine import evaluate as measures
from bench.engine.batches import batches
from bench.engine.clock import Clock
from bench.engine.cost import flops_of, inference
from bench.engine.hardware import MemoryMeter, environment, fingerprint
from bench.engine.loop import NonFiniteError, train
from bench.engine.observe import Observed
from bench.engine.provenance import provenance
from bench.engine.randomness import derive, generator
from bench.engine.teachers import Brought, cached_teacher, read_weights
from bench.engine.training import Training
from bench.engine.workbench import Workbench, budget
from bench.errors import BenchError, TeacherError
from bench.method import Batch, Method
from bench.parameters import tuned
from bench.record import SCHEMA, Calibration, Cost, Curve, Fidelity, Inference, Predictions, Record, Result, TeacherUse

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher in memory, and what every cell that uses it needs to know."""

    network: Observed
    use: TeacherUse
    test_logits: Tensor
    inference: Inference


class Worker:
    """Runs cells one after the other on one device."""

    def __init__(
        self,
        device: torch.device,
        data_dir: Path | None,
        plain: Callable[[str], Method],
        brought: Brought | None = None,
        say: Say = print,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """plain(name): the method of that name with its defaults; teachers are trained with the first control."""
        self.device = device
        self.data_dir = data_dir
        self.plain = plain
        self.brought = brought
        self.say = say
        self.progress = progress
        # Batches keep their shape, so the fastest kernels are worth looking for once.
        torch.backends.cudnn.benchmark = True
        self._bench: tuple[Any, Workbench] | None = None
        self._teachers: dict[str, LoadedTeacher] = {}

    def run(self, cell: Cell) -> Record:
        """Trains and measures one cell. What goes wrong in it becomes a record too, with its traceback.

        Errors that the user can mend (no data, no teacher file) are raised: every other cell would meet them.
        """
        started = datetime.now(UTC)
        parts: dict[str, Any]
        try:
            parts = {"status": "ok", **self._measure(cell)}
        except BenchError:
            raise
        except NonFiniteError as error:
            parts = {"status": "nan", "reason": str(error)}
        except Exception as error:
            parts = {"status": "oom" if is_out_of_memory(error) else "error", "reason": describe(error)}
        return Record(
            schema=SCHEMA,
            key=cell.key,
            machine=fingerprint(self.device),
            cell=cell.identity,
            metric=cell.task.metric,
            tuned=tuned(cell.method, cell.task.modality, cell.protocol),
            adapted=cell.task.modality in cell.method.adapted,
            reports=cell.method.reports,
            environment=environment(self.device),
            provenance=provenance(cell, self.device, self.brought.path if self.brought else None, started),
            **parts,
        )

    def _measure(self, cell: Cell) -> dict[str, Any]:
        """Everything of the record that only a finished cell has."""
        bench = self._workbench(cell)
        splits, task, recipe = bench.splits, cell.task, cell.recipe
        loaded = self._teacher(cell, bench) if cell.method.uses_teacher else None
        # What later cells share, the data and the teacher, is not this cell's time.
        total = Clock(self.device)
        total.start()
        steps = budget(recipe, splits.fit)

        memory = MemoryMeter(self.device)
        warmup = Clock(self.device)
        warmup.start()
        step_flops = rehearse(cell, bench, loaded)
        # After the rehearsal, whose copy of everything is gone by then.
        memory.start()
        training, stream = prepare(cell, bench, loaded)
        warmup.stop()

        clock, evaluation = Clock(self.device), Clock(self.device)
        best = Best()

        def evaluate(counts: bool) -> float | None:
            if splits.select is None:
                return None
            evaluation.start()
            logits = measures.logits_of(training.student, task, splits.select)
            metric = task.score(logits, splits.select.labels)[task.metric]
            if counts:
                best.offer(metric, training.student)
            evaluation.stop()
            return metric

        # Networks that draw at random while they train (dropout) do so from here on.
        torch.manual_seed(derive(cell.seed, "training"))
        curve = train(
            cell.method,
            training,
            stream,
            clock,
            steps=steps,
            batch_size=recipe.batch_size,
            epoch_items=len(splits.fit),
            evaluations=cell.protocol.evaluations,
            step_flops=step_flops,
            evaluate=evaluate,
            progress=self.progress,
        )
        peaks = memory.read()

        evaluation.start()
        student, labels = training.student, splits.test.labels
        logits = measures.logits_of(student, task, splits.test)
        test = task.score(logits, labels)
        check_finite(test)
        classifies = not labels.is_floating_point()
        student_inference = Inference(**inference(bench, student))
        selected = None
        if best.state is not None:
            student.load_state_dict(best.state)
            selected = task.score(measures.logits_of(student, task, splits.test), labels)
        evaluation.stop()
        total.stop()
        return {
            "select_items": None if splits.select is None else len(splits.select),
            "test_items": len(splits.test),
            "teacher": loaded.use if loaded else None,
            "result": Result(
                test=test,
                test_selected=selected,
                selected_epoch=None if best.state is None else best.epoch(curve.select, curve.counts, curve.epoch),
                select=curve.select[-1],
                worst_class=measures.worst_class(logits, labels) if classifies else None,
            ),
            "curve": Curve(**vars(curve)),
            "cost": Cost(
                train_seconds=clock.seconds,
                warmup_seconds=warmup.seconds,
                evaluation_seconds=evaluation.seconds,
                total_seconds=total.seconds,
                steps=curve.steps[-1],
                samples=curve.samples[-1],
                train_flops=curve.flops[-1],
                parameters=sum(each.numel() for each in student.parameters()),
                extra_parameters=training.extra_parameters(),
                student=student_inference,
                teacher=loaded.inference if loaded else None,
                **peaks,
            ),
            "fidelity": Fidelity(**measures.fidelity(logits, loaded.test_logits, labels))
            if loaded and classifies
            else None,
            "calibration": Calibration(**measures.calibration(logits, labels)) if classifies else None,
            "predictions": Predictions.pack(logits.argmax(dim=1).cpu().numpy(), labels.cpu().numpy())
            if classifies
            else None,
        }

    def _workbench(self, cell: Cell) -> Workbench:
        """The data of the cell's task and protocol; those of another one are let go first."""
        wanted = (cell.task.name, cell.protocol, cell.precision)
        if self._bench is None or self._bench[0] != wanted:
            self._bench, self._teachers = None, {}
            bench = Workbench(cell.task, cell.protocol, self.data_dir, self.device, cell.precision)
            self._bench = (wanted, bench)
        return self._bench[1]

    def _teacher(self, cell: Cell, bench: Workbench) -> LoadedTeacher:
        """The cell's teacher: brought, from the cache, or trained now."""
        if cell.teacher_key not in self._teachers:
            if self.brought:
                path, sha256, seconds = self.brought.path, self.brought.sha256, None
                weights, trained_on = read_weights(path), "unknown"
            else:
                plain = self.plain(cell.protocol.controls[0])
                try:
                    file, weights = cached_teacher(bench, cell.pair.teacher, plain, self.say, self.progress)
                except (NonFiniteError, torch.OutOfMemoryError, OSError, SafetensorError) as error:
                    # Not the method's failure: every other cell of this teacher would meet it too.
                    raise TeacherError(
                        f"the teacher {cell.pair.teacher} ({cell.task.name}, {cell.protocol.name}) could not be "
                        f"made: {error}"
                    ) from error
                path, sha256, seconds, trained_on = file.path, file.sha256, file.train_seconds, "fit"
            network = bench.build(cell.pair.teacher, 0, "teacher")
            try:
                network.network.load_state_dict(weights)
            except RuntimeError as error:
                raise TeacherError(
                    f"teacher file {path} does not fit the network {cell.pair.teacher!r}: {error}"
                ) from error
            network.requires_grad_(False).eval()
            self._teachers[cell.teacher_key] = load_teacher(
                cell, bench, network, sha256=sha256, train_seconds=seconds, trained_on=trained_on
            )
        return self._teachers[cell.teacher_key]


class Best:
    """The student's state at its best evaluation on select; the earliest of equals."""

    def __init__(self) -> None:
        self.metric = -math.inf
        self.state: dict[str, Tensor] | None = None

    def offer(self, metric: float, student: Observed) -> None:
        if metric > self.metric:
            self.metric = metric
            self.state = {name: each.detach().clone() for name, each in student.state_dict().items()}

    def epoch(self, select: list[float | None], counts: list[bool], epoch: list[float]) -> float:
        """The epoch of the best evaluation, from the curve's arrays."""
        return next(e for s, c, e in zip(select, counts, epoch, strict=True) if c and s == self.metric)


def load_teacher(
    cell: Cell, bench: Workbench, network: Observed, sha256: str, train_seconds: float | None, trained_on: str
) -> LoadedTeacher:
    """Measures a teacher once for all of its cells."""
    splits, task = bench.splits, cell.task
    logits = measures.logits_of(network, task, splits.test)
    select = None
    if splits.select is not None:
        select = task.score(measures.logits_of(network, task, splits.select), splits.select.labels)[task.metric]
    use = TeacherUse(
        key=cell.teacher_key,
        network=cell.pair.teacher,
        sha256=sha256,
        trained_on=trained_on,
        select=select,
        test=task.score(logits, splits.test.labels)[task.metric],
        train_seconds=train_seconds,
        parameters=sum(each.numel() for each in network.parameters()),
    )
    return LoadedTeacher(network, use, logits, Inference(**inference(bench, network)))


def prepare(cell: Cell, bench: Workbench, loaded: LoadedTeacher | None) -> tuple[Training, Iterator[Batch]]:
    """The training handle of a cell at its start, and its batches."""
    task, fit, recipe, seed = cell.task, bench.splits.fit, cell.recipe, cell.seed

    def new_student(number: int) -> Observed:
        return bench.build(cell.pair.student, seed + number, "student")

    kept = quiz = None
    share = cell.method.quiz_share()
    if share:
        kept = quiz_mask(len(fit), share, seed)
        quiz = batches(task, fit, recipe.batch_size, seed, items=kept, purpose="quiz")
        kept = ~kept
    training = Training(
        cell.method,
        new_student(0),
        loaded.network if loaded else None,
        bench.blank(2),
        recipe,
        seed,
        new_student,
        quiz,
    )
    return training, batches(task, fit, recipe.batch_size, seed, items=kept)


def rehearse(cell: Cell, bench: Workbench, loaded: LoadedTeacher | None) -> dict[str, int]:
    """One step of every stage on a copy that is thrown away: warms up, and counts the FLOPs of a step."""
    training, stream = prepare(cell, bench, loaded)
    flops = {}
    for stage in cell.method.stages():
        training.begin(stage)
        batch = next(stream)
        flops[stage.name] = flops_of(lambda batch=batch: cell.method.step(training, batch))
    return flops


def quiz_mask(count: int, share: float, seed: int) -> Tensor:
    """Which of `count` examples are the quiz: a random share, a function of the seed."""
    chosen = torch.randperm(count, generator=generator(seed, "quiz"))[: round(share * count)]
    mask = torch.zeros(count, dtype=torch.bool)
    mask[chosen] = True
    return mask


def check_finite(metrics: dict[str, float]) -> None:
    """Raises NonFiniteError with the first metric that is not finite."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"the metric {name} on test is {value} after the last step")


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out. On the CPU torch raises a plain RuntimeError that names its allocator."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "DefaultCPUAllocator" in str(error)


def describe(error: BaseException) -> str:
    """The error and its traceback."""
    return "".join(traceback.format_exception(error))
