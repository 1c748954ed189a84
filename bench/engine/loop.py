"""The one training loop: stages, steps, evaluations at fixed places, the clock on in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.engine.clock import Clock
from bench.engine.randomness import random_state, set_random_state
from bench.engine.recorded import Steps
from bench.engine.training import Training, stage_steps
from bench.method import Batch, Method


class NonFiniteError(Exception):
    """The loss or the metric is not a finite number any more."""


@dataclass
class Curve:
    """One element per evaluation; `select` is NaN-free, None where the protocol has no select split."""

    stage: list[str] = field(default_factory=list)
    counts: list[bool] = field(default_factory=list)
    """Whether the stage trains the classifier: only then can an evaluation be a match or a best."""
    epoch: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    flops: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    """Mean of the total loss over the steps since the evaluation before."""
    select: list[float | None] = field(default_factory=list)


def train(
    method: Method,
    training: Training,
    batches: Iterator[Batch],
    clock: Clock,
    steps: int,
    batch_size: int,
    epoch_items: int,
    evaluations: int,
    step_flops: dict[str, Callable[[Batch], int]],
    evaluate: Callable[[bool], float | None],
    progress: Callable[[int, int], None] = lambda done, total: None,
    keep: Callable[[dict[str, Any]], None] | None = None,
    earlier: dict[str, Any] | None = None,
) -> Curve:
    """Runs all stages and returns the curve.

    steps: the budget. epoch_items: examples of one epoch. step_flops: the FLOPs of a step on a batch, per stage.
    evaluate(counts): the metric on `select`, called with the clock off. progress(done, total): after each
    evaluation, in steps. keep(state): after each evaluation but the last, with the clock off; gets all that it takes to
    go on from there. earlier: the last such state of a run that was interrupted; `batches` begin behind its steps.
    """
    stages = method.stages()
    lengths = stage_steps(stages, steps)
    total = sum(lengths)
    marks = evaluation_marks(total, evaluations)
    curve = Curve(**earlier["curve"]) if earlier else Curve()
    done, flops = (curve.steps[-1], curve.flops[-1]) if earlier else (0, 0)
    since = passed = done
    for stage, length in zip(stages, lengths, strict=True):
        taken = min(passed, length)
        passed -= taken
        if passed:  # the whole stage, and some of the next
            continue
        if earlier:
            training.begin(stage)
            training.load_state_dict(earlier["training"])
            clock.load_state_dict(earlier["clock"])
            set_random_state(earlier["random"], clock.device)
            earlier = None
            progress(done, total)
            clock.start()
        else:
            clock.start()
            training.begin(stage)
        step = Steps(method, training)
        for number in range(taken, length):
            training.advance(number / length)
            batch = next(batches)
            step(batch)
            done += 1
            flops += step_flops[stage.name](batch)
            if done not in marks:
                continue
            clock.stop()
            loss = float(training.loss_sum) / (done - since)
            training.loss_sum.zero_()
            since = done
            if not math.isfinite(loss):
                raise NonFiniteError(f"the training loss is {loss} at step {done} of {total}")
            metric = evaluate(stage.trains_classifier)
            if metric is not None and not math.isfinite(metric):
                raise NonFiniteError(f"the metric on select is {metric} at step {done} of {total}")
            curve.stage.append(stage.name)
            curve.counts.append(stage.trains_classifier)
            curve.epoch.append(done * batch_size / epoch_items)
            curve.steps.append(done)
            curve.samples.append(done * batch_size)
            curve.train_seconds.append(clock.seconds)
            curve.flops.append(flops)
            curve.train_loss.append(loss)
            curve.select.append(metric)
            if keep and done < total:
                keep(
                    {
                        "curve": vars(curve),
                        "clock": clock.state_dict(),
                        "training": training.state_dict(),
                        "random": random_state(clock.device),
                    }
                )
            progress(done, total)
            clock.start()
        clock.stop()
    return curve


def position(state: dict[str, Any]) -> tuple[int, int]:
    """How many batches were taken up to a state that was kept, and how many of the quiz."""
    return state["curve"]["steps"][-1], state["training"]["quizzes"]


def evaluation_marks(total: int, evaluations: int) -> set[int]:
    """The steps after which `select` is evaluated: equally spaced, the last one at the end."""
    if total < evaluations:
        raise ValueError(f"{total} steps cannot hold {evaluations} evaluations: the budget is too small")
    return {round(number * total / evaluations) for number in range(1, evaluations + 1)}
