"""A cell at its start: the training handle, the batches, and a rehearsal of every stage before the clock runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.cell import Cell
from bench.engine.batches import batches
from bench.engine.compiled import compile_frozen
from bench.engine.cost import StepFlops, step_flops
from bench.engine.loaded_teacher import LoadedTeacher
from bench.engine.memory import Allocated, allocated
from bench.engine.observed import Observed
from bench.engine.randomness import generator
from bench.engine.splits import take
from bench.engine.training import Training
from bench.engine.workbench import Workbench
from bench.method import Batch


@dataclass(frozen=True)
class Rehearsal:
    """What is known of a cell's steps before its clock runs."""

    step_flops: dict[str, StepFlops]
    """FLOPs of a step on a batch, per stage name."""
    compiled_teacher: nn.Module | None
    """What runs in the teacher's place; None where nothing is compiled."""
    peak_tensor_bytes: int | None
    """Of the cell's tensors in a step on its largest batch; None on a GPU, which says what it allocates."""
    allocated_bytes: int | None
    """All that was allocated meanwhile."""


def prepare(
    cell: Cell,
    bench: Workbench,
    loaded: LoadedTeacher | None,
    compiled_teacher: nn.Module | None = None,
    passed: int = 0,
    passed_quizzes: int = 0,
) -> tuple[Training, Iterator[Batch]]:
    """The training handle of a cell at its start, and its batches.

    passed, passed_quizzes: how many batches, and batches of the quiz, an earlier process has had already.
    """
    task, fit, recipe, seed = cell.task, bench.splits.fit, cell.recipe, cell.seed

    def new_student(number: int) -> Observed:
        return bench.build(cell.pair.student, seed + number, "student")

    kept = quiz = None
    share = cell.method.quiz_share()
    if share:
        kept = quiz_mask(len(fit), share, seed)
        quiz = batches(task, fit, recipe.batch_size, seed, items=kept, purpose="quiz", passed=passed_quizzes)
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
        compiled_teacher,
    )
    return training, batches(task, fit, recipe.batch_size, seed, items=kept, passed=passed)


def rehearse(cell: Cell, bench: Workbench, loaded: LoadedTeacher | None) -> Rehearsal:
    """Steps of every stage on copies that are thrown away: warms up, counts FLOPs and (on a CPU) memory, compiles."""
    training, stream = prepare(cell, bench, loaded)
    flops = {}
    for stage in cell.method.stages():
        training.begin(stage)
        flops[stage.name] = step_flops(lambda batch: step(cell, training, batch), next(stream))
    compiled = None
    if cell.compiled and loaded:
        # A method of second order has a teacher of its own, which learns.
        stages = [each for each in cell.method.stages() if "teacher" in each.needs and "second_order" not in each.needs]
        if stages:
            compiled = compile_frozen(loaded.network, next(stream).inputs, {stage.needs: None for stage in stages})
    memory = memory_of(cell, bench, loaded) if bench.device.type == "cpu" else (None, None)
    return Rehearsal(flops, compiled, *memory)


def memory_of(cell: Cell, bench: Workbench, loaded: LoadedTeacher | None) -> Allocated:
    """What the cell takes on a CPU: it is built, and steps on the largest batch in every stage.

    Two steps: in the second, the optimiser's state and the step's activations are there together.
    """
    fit = bench.splits.fit
    order = torch.arange(len(fit)) if fit.lengths is None else fit.lengths.argsort(descending=True, stable=True)
    chosen = order[: cell.recipe.batch_size]
    largest = Batch(cell.task.prepare(take(fit, chosen), None), fit.labels[chosen])

    def work() -> None:
        training, _ = prepare(cell, bench, loaded)
        for stage in cell.method.stages():
            training.begin(stage)
            for _ in range(2):
                step(cell, training, largest)

    return allocated(work)


def step(cell: Cell, training: Training, batch: Batch) -> None:
    """A step whose quiz, if the method has one, is the batch itself: of text, another would have another length."""
    if cell.method.quiz_share():
        training.replace_quiz(batch)
    cell.method.step(training, batch)


def quiz_mask(count: int, share: float, seed: int) -> Tensor:
    """Which of `count` examples are the quiz: a random share, a function of the seed."""
    chosen = torch.randperm(count, generator=generator(seed, "quiz"))[: round(share * count)]
    mask = torch.zeros(count, dtype=torch.bool)
    mask[chosen] = True
    return mask
