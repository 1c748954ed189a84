"""A worker: serves many cells with imports, data and teachers loaded once. `run` makes one cell's record."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.cache import checkpoint_path
from bench.cell import Cell, Skip
from bench.engine import evaluate as measures
from bench.engine.checkpoint import Checkpoint, conditions, unsaved
from bench.engine.clock import Clock
from bench.engine.cost import inference
from bench.engine.ended import ended
from bench.engine.energy import energy_counter
from bench.engine.export import StudentExport
from bench.engine.hardware import MemoryMeter, is_out_of_memory, keep_freed_memory
from bench.engine.loaded_teacher import LoadedTeacher, load_teacher
from bench.engine.loop import NonFiniteError, position, train
from bench.engine.observed import Observed
from bench.engine.passes import by_name
from bench.engine.preparation import prepare, rehearse
from bench.engine.randomness import derive
from bench.engine.teachers import Brought
from bench.engine.workbench import Workbench
from bench.errors import BenchError, StoreError
from bench.method import Method
from bench.record import Calibration, Cost, Curve, Fidelity, Inference, Predictions, Record, Result

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


class Worker:
    """Runs cells one after the other on one device."""

    def __init__(
        self,
        device: torch.device,
        data_dir: Path | None,
        plain: Callable[[str], Method],
        brought: Brought | None = None,
        skips: Sequence[Skip] = (),
        export: StudentExport | None = None,
        checkpoints: Path | None = None,
        say: Say = print,
        begun: Callable[[], None] = lambda: None,
        progress: Progress = lambda done, total: None,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """plain(name): the method of that name with its defaults; teachers are trained with the first control.

        skips: what the command leaves out; a record names those of its pair. checkpoints: the folder in which cells
        keep their state until they end, so that one that was interrupted goes on; None: they start again. begun:
        called when the data and the teacher of a cell are there. waiting: called every second while another process
        trains that teacher.
        """
        self.device = device
        self.data_dir = data_dir
        self.plain = plain
        self.brought = brought
        self.skips = skips
        self.export = export
        self.checkpoints = checkpoints
        self.say = say
        self.begun = begun
        self.progress = progress
        self.waiting = waiting
        keep_freed_memory()
        # Batches keep their shape, so the fastest kernels are worth looking for once.
        torch.backends.cudnn.benchmark = True
        # A GPU would round what convolutions multiply to 10 bits, and call it float32.
        torch.backends.cudnn.allow_tf32 = False
        self._bench: tuple[Any, Workbench] | None = None
        self._teachers: dict[str, LoadedTeacher] = {}

    def run(self, cell: Cell) -> Record:
        """Trains and measures one cell. What goes wrong in it becomes a record too, with its traceback.

        Errors that the user can mend (no data, no teacher file) are raised: every other cell would meet them.
        """
        started = datetime.now(UTC)
        parts: dict[str, Any]
        self._began = False
        try:
            parts = {"status": "ok", **self._measure(cell, self._checkpoint(cell))}
        except BenchError as error:
            # Once data and teacher are there, only a record's disk is everybody's.
            if not self._began or isinstance(error, StoreError):
                raise
            parts = {"status": "error", "reason": describe(error)}
        except NonFiniteError as error:
            parts = {"status": "nan", "reason": str(error)}
        except (Exception, SystemExit) as error:
            parts = {"status": "oom" if is_out_of_memory(error) else "error", "reason": describe(error)}
        return ended(cell, self.device, self.brought, self.skips, started, **parts)

    def forget(self, cell: Cell) -> None:
        """Removes the checkpoint of a cell, once its record is kept."""
        if checkpoint := self._checkpoint(cell):
            checkpoint.clear()

    def _checkpoint(self, cell: Cell) -> Checkpoint | None:
        return Checkpoint(checkpoint_path(self.checkpoints, cell.key), self.say) if self.checkpoints else None

    def _measure(self, cell: Cell, checkpoint: Checkpoint | None) -> dict[str, Any]:
        """Everything of the record that only a finished cell has."""
        bench = self._workbench(cell)
        splits, task, recipe = bench.splits, cell.task, cell.recipe
        loaded = self._teacher(cell, bench) if cell.method.uses_teacher else None
        earlier = None
        if checkpoint:
            teacher = loaded.use.sha256 if loaded else None
            bound = conditions(cell.key, self.device, cell.method, task, teacher)
            earlier = checkpoint.load(bound)
        # What later cells share, the data and the teacher, is not this cell's time.
        self._began = True
        self.begun()
        total = Clock(self.device)
        total.start()
        steps = recipe.steps(len(splits.fit))

        memory = MemoryMeter(self.device)
        warmup = Clock(self.device)
        warmup.start()
        rehearsal = rehearse(cell, bench, loaded)
        # After the rehearsal, whose copy of everything is gone by then.
        memory.start()
        passed = position(earlier["loop"]) if earlier else (0, 0)
        training, stream = prepare(cell, bench, loaded, rehearsal.compiled_teacher, *passed)
        warmup.stop()

        clock, evaluation = Clock(self.device, energy_counter(self.device)), Clock(self.device)
        best = Best()
        parts = {"total": total, "warmup": warmup, "evaluation": evaluation, "memory": memory, "best": best}
        if earlier:
            self.say(f"{cell} was interrupted: it goes on from step {passed[0]}")
            for name, part in parts.items():
                part.load_state_dict(earlier[name])

        def keep(loop: dict[str, Any]) -> None:
            if hidden := unsaved(cell.method, training):
                checkpoint.give_up(f"{cell.method.name} keeps state in {', '.join(hidden)}")
            checkpoint.save(bound, {"loop": loop} | {name: part.state_dict() for name, part in parts.items()})

        def evaluate(counts: bool) -> float | None:
            if splits.select is None:
                return None
            evaluation.start()
            # Of hundreds of examples at once: it would hide what a method's step takes.
            memory.pause()
            logits = measures.logits_of(training.student, task, splits.select)
            metric = task.score(logits, splits.select.labels)[task.metric]
            if counts:
                best.offer(metric, training.student)
            memory.resume()
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
            step_flops=rehearsal.step_flops,
            evaluate=evaluate,
            progress=self.progress,
            keep=keep if checkpoint else None,
            # Let go of there: its copies of the networks are memory too.
            earlier=earlier.pop("loop") if earlier else None,
        )
        peaks = memory.read()

        evaluation.start()
        student, labels = training.student, splits.test.labels
        logits = measures.logits_of(student, task, splits.test)
        if not bool(logits.isfinite().all()):
            raise NonFiniteError("the logits on test are not finite after the last step")
        test = task.score(logits, labels) | measures.further_scores(student, task, splits.further_tests)
        check_finite(test)
        classifies = not labels.is_floating_point()
        student_inference = Inference(**inference(bench, student))
        selected = None
        if best.state is not None:
            student.load_state_dict(best.state)
            selected = task.score(measures.logits_of(student, task, splits.test), labels)
            selected |= measures.further_scores(student, task, splits.further_tests)
        evaluation.stop()
        total.stop()
        chance = measures.without_a_model(task, splits) if classifies else {}
        if self.export and best.state is not None:
            self.export.offer(cell, student, best.metric, selected, chance.get("most_frequent_select"))
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
                **chance,
            ),
            "curve": Curve(**vars(curve)),
            "cost": Cost(
                train_seconds=clock.seconds,
                warmup_seconds=warmup.seconds,
                evaluation_seconds=evaluation.seconds,
                total_seconds=total.seconds,
                steps=curve.steps[-1],
                played_steps=training.played_steps,
                samples=curve.samples[-1],
                train_flops=curve.flops[-1],
                parameters=sum(each.numel() for each in student.parameters()),
                extra_parameters=training.extra_parameters(),
                passes=by_name(training.passes),
                peak_tensor_bytes=rehearsal.peak_tensor_bytes,
                allocated_bytes=rehearsal.allocated_bytes,
                energy_joules=clock.joules,
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
        wanted = (cell.task, cell.protocol, cell.precision)
        if self._bench is None or self._bench[0] != wanted:
            self._bench, self._teachers = None, {}
            bench = Workbench(cell.task, cell.protocol, self.data_dir, self.device, cell.precision)
            self._bench = (wanted, bench)
        return self._bench[1]

    def _teacher(self, cell: Cell, bench: Workbench) -> LoadedTeacher:
        """The cell's teacher, loaded once."""
        if cell.teacher_key not in self._teachers:
            self._teachers[cell.teacher_key] = load_teacher(
                cell, bench, self.brought, self.plain, self.say, self.progress, self.waiting
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

    def state_dict(self) -> dict[str, Any]:
        return {"metric": self.metric, "state": self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.metric, self.state = state["metric"], state["state"]

    def epoch(self, select: list[float | None], counts: list[bool], epoch: list[float]) -> float:
        """The epoch of the best evaluation, from the curve's arrays."""
        return next(e for s, c, e in zip(select, counts, epoch, strict=True) if c and s == self.metric)


def check_finite(metrics: dict[str, float]) -> None:
    """Raises NonFiniteError with the first metric that is not finite."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteError(f"the metric {name} on test is {value} after the last step")


def describe(error: BaseException) -> str:
    """The error and its traceback."""
    # A message may hold what no text file can.
    return "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()
