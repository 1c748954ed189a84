"""A cell at its start: the training handle, the batches, and a rehearsal of every stage before the clock runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cell import Cell
from bench.engine.batches import batches
from bench.engine.compiled import Forward, compile_frozen
from bench.engine.cost import StepFlops, step_flops
from bench.engine.loaded_teacher import LoadedTeacher
from bench.engine.observed import Observed
from bench.engine.randomness import generator
from bench.engine.training import Training
from bench.engine.workbench import Workbench
from bench.method import Batch


@dataclass(frozen=True)
class Rehearsal:
    """What is known of a cell's steps before its clock runs."""

    step_flops: dict[str, StepFlops]
    """FLOPs of a step on a batch, per stage name."""
    teacher_forward: Forward | None
    """The teacher's forward pass in compiled form; None where nothing is compiled."""


def prepare(
    cell: Cell, bench: Workbench, loaded: LoadedTeacher | None, teacher_forward: Forward | None = None
) -> tuple[Training, Iterator[Batch]]:
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
        teacher_forward,
    )
    return training, batches(task, fit, recipe.batch_size, seed, items=kept)


def rehearse(cell: Cell, bench: Workbench, loaded: LoadedTeacher | None) -> Rehearsal:
    """One step of every stage on a copy that is thrown away: warms up, counts the FLOPs of a step, compiles."""
    training, stream = prepare(cell, bench, loaded)
    quiz_rows = len(training.quiz().labels) if cell.method.quiz_share() else 0

    def step(batch: Batch) -> None:
        if quiz_rows and isinstance(batch.inputs, dict):
            # A quiz of another length would be taken for an effect of this batch's length.
            training.replace_quiz(first_rows(batch, quiz_rows))
        cell.method.step(training, batch)

    flops = {}
    for stage in cell.method.stages():
        training.begin(stage)
        flops[stage.name] = step_flops(step, next(stream))
    forward = None
    if cell.compiled and loaded:
        # A method of second order has a teacher of its own, which learns.
        stages = [each for each in cell.method.stages() if "teacher" in each.needs and "second_order" not in each.needs]
        if stages:
            forward = compile_frozen(loaded.network, next(stream).inputs, {stage.needs: None for stage in stages})
    return Rehearsal(flops, forward)


def first_rows(batch: Batch, count: int) -> Batch:
    """The first examples of a batch of text."""
    return Batch({name: tensor[:count] for name, tensor in batch.inputs.items()}, batch.labels[:count])


def quiz_mask(count: int, share: float, seed: int) -> Tensor:
    """Which of `count` examples are the quiz: a random share, a function of the seed."""
    chosen = torch.randperm(count, generator=generator(seed, "quiz"))[: round(share * count)]
    mask = torch.zeros(count, dtype=torch.bool)
    mask[chosen] = True
    return mask
