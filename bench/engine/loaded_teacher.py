"""A teacher in memory: brought, from the cache or trained now, then measured once for all of its cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safetensors import SafetensorError
from torch import Tensor

from bench.cell import Cell
from bench.engine.cost import inference
from bench.engine.evaluate import further_scores, logits_of
from bench.engine.hardware import is_out_of_memory
from bench.engine.loop import NonFiniteError
from bench.engine.observed import Observed
from bench.engine.teachers import Brought, cached_teacher, read_weights
from bench.engine.workbench import Workbench
from bench.errors import TeacherError, UnmadeTeacherError
from bench.method import Method
from bench.record import Inference, TeacherUse


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher in memory, and what every cell that uses it needs to know."""

    network: Observed
    use: TeacherUse
    test_logits: Tensor
    inference: Inference


def load_teacher(
    cell: Cell,
    bench: Workbench,
    brought: Brought | None,
    plain: Callable[[str], Method],
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
    waiting: Callable[[], None],
) -> LoadedTeacher:
    """The teacher of a cell, frozen and in eval mode.

    plain(name): the method of that name with its defaults; teachers are trained with the first control. waiting: called
    every second while it is trained, here or by another process.
    A teacher that cannot be made or does not fit raises TeacherError; where memory runs out, MemoryError.
    """
    if brought:
        path, sha256, train_seconds, trained_on = brought.path, brought.sha256, None, "unknown"
        weights = read_weights(path)
    else:
        method = plain(cell.protocol.controls[0])
        try:
            file, weights = cached_teacher(bench, cell.pair.teacher, method, say, progress, waiting)
        except (NonFiniteError, RuntimeError, MemoryError, OSError, SafetensorError) as error:
            kind = TeacherError
            if is_out_of_memory(error):
                kind = MemoryError  # with nothing beside it, there may be enough
            elif isinstance(error, NonFiniteError):
                kind = UnmadeTeacherError  # not the method's failure: every other cell of this teacher would meet it
            elif isinstance(error, RuntimeError):
                raise
            raise kind(
                f"the teacher {cell.pair.teacher} ({cell.task.name}, {cell.protocol.name}) could not be made: {error}"
            ) from error
        path, sha256, train_seconds, trained_on = file.path, file.sha256, file.train_seconds, "fit"
    network = bench.build(cell.pair.teacher, 0, "teacher")
    try:
        network.network.load_state_dict(weights)
    except RuntimeError as error:
        raise TeacherError(f"teacher file {path} does not fit the network {cell.pair.teacher!r}: {error}") from error
    network.requires_grad_(False).eval()

    splits, task = bench.splits, cell.task
    logits = logits_of(network, task, splits.test)
    select = None
    if splits.select is not None:
        select = task.score(logits_of(network, task, splits.select), splits.select.labels)[task.metric]
    test = task.score(logits, splits.test.labels) | further_scores(network, task, splits.further_tests)
    use = TeacherUse(
        key=cell.teacher_key,
        network=cell.pair.teacher,
        sha256=sha256,
        trained_on=trained_on,
        select=select,
        test=test.pop(task.metric),
        further=test,
        train_seconds=train_seconds,
        parameters=sum(each.numel() for each in network.parameters()),
    )
    return LoadedTeacher(network, use, logits, Inference(**inference(bench, network)))
