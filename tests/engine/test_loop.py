"""The loop: where it evaluates, how stages share the budget, what the curve says, what the clock counts."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine import clock as clock_module
from bench.engine.clock import Clock
from bench.engine.loop import Curve, NonFiniteError, evaluation_marks, position, train
from bench.engine.training import stage_steps
from bench.method import Batch, Stage

STAGES = (Stage("hints", 0.25, trains_classifier=False), Stage("distil", 0.75))


class FakeMethod:
    """Adds one loss a step, and does what the test wants beside it."""

    def __init__(self, stages: tuple[Stage, ...], on_step: Callable[[int], float]) -> None:
        self._stages, self._on_step, self._steps = stages, on_step, 0

    def stages(self) -> tuple[Stage, ...]:
        return self._stages

    def step(self, training: SimpleNamespace, batch: object) -> None:
        self._steps += 1
        training.loss_sum += self._on_step(self._steps)


def run(
    stages: tuple[Stage, ...] = STAGES,
    steps: int = 8,
    evaluations: int = 4,
    on_step: Callable[[int], float] = float,
    evaluate: Callable[[bool], float | None] = lambda counts: 50.0,
    **options: Any,
) -> tuple[Curve, list[object]]:
    """A run on fakes: the curve, and what the training was told."""
    told: list[object] = []
    training = SimpleNamespace(
        begin=lambda stage: told.append(stage.name),
        advance=told.append,
        loss_sum=torch.zeros((), dtype=torch.float64),
        quizzes=0,
        passes=Counter(),
        counting=lambda counts: nullcontext(),
        state_dict=lambda: {"quizzes": 0},
        load_state_dict=lambda state: told.append("loaded"),
    )
    curve = train(
        FakeMethod(stages, on_step),
        training,
        repeat(Batch(None, torch.zeros(1))),
        Clock(torch.device("cpu")),
        steps=steps,
        batch_size=10,
        epoch_items=40,
        evaluations=evaluations,
        step_flops={name: lambda batch, each=each: each for name, each in (("hints", 100), ("distil", 1), ("top", 7))},
        evaluate=evaluate,
        **options,
    )
    return curve, told


@given(st.integers(1, 300), st.integers(0, 100_000))
def test_marks_are_equally_spaced_and_the_last_is_the_end(evaluations: int, spare: int) -> None:
    total = evaluations + spare
    marks = sorted(evaluation_marks(total, evaluations))
    assert len(marks) == evaluations
    assert marks[-1] == total
    gaps = [after - before for before, after in zip([0, *marks], marks, strict=False)]
    assert all(gap >= 1 and abs(gap - total / evaluations) < 1 for gap in gaps)


def test_a_budget_below_the_evaluations_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 steps cannot hold 4 evaluations"):
        evaluation_marks(3, 4)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 100_000))
def test_steps_of_the_stages_add_up_to_the_budget(weights: list[int], budget: int) -> None:
    stages = tuple(Stage(str(i), weight / sum(weights)) for i, weight in enumerate(weights))
    steps = stage_steps(stages, budget)
    assert sum(steps) == budget
    assert all(abs(each - stage.share * budget) <= 1 for each, stage in zip(steps, stages, strict=True))


def test_extra_stages_come_on_top() -> None:
    assert stage_steps((Stage("top", 1 / 8, extra=True), Stage("distil")), 80) == [10, 80]


def test_shares_that_do_not_sum_to_one_are_an_error() -> None:
    with pytest.raises(ValueError, match="do not sum to 1"):
        stage_steps((Stage("a", 0.5), Stage("b", 0.4)), 10)


def test_the_curve_has_every_evaluation() -> None:
    curve, _ = run()
    assert curve.steps == [2, 4, 6, 8]
    assert curve.samples == [20, 40, 60, 80]
    assert curve.epoch == [0.5, 1.0, 1.5, 2.0]
    assert curve.stage == ["hints", "distil", "distil", "distil"]
    assert curve.counts == [False, True, True, True]
    assert curve.flops == [200, 202, 204, 206]
    assert curve.select == [50.0] * 4


def test_the_training_loss_is_the_mean_since_the_evaluation_before() -> None:
    curve, _ = run(evaluations=2)  # the loss of step n is n
    assert curve.train_loss == [2.5, 6.5]


def test_extra_stages_lengthen_the_curve() -> None:
    curve, _ = run((Stage("top", 0.5, extra=True), Stage("distil")))
    assert curve.steps == [3, 6, 9, 12]
    assert curve.flops[-1] == 4 * 7 + 8


def test_progress_starts_at_zero_in_every_stage() -> None:
    _, told = run()
    assert told == ["hints", 0, 1 / 2, "distil", 0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6]


def test_evaluations_are_told_whether_they_count() -> None:
    asked: list[bool] = []
    run(evaluate=lambda counts: asked.append(counts))
    assert asked == [False, True, True, True]


def test_without_select_the_curve_has_none() -> None:
    curve, _ = run(evaluate=lambda counts: None)
    assert curve.select == [None] * 4


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run(value: float) -> None:
    with pytest.raises(NonFiniteError, match=r"training loss is (nan|inf) at step 4 of 8"):
        run(on_step=lambda step: value if step == 3 else 1.0)


def test_a_metric_that_is_not_finite_ends_the_run() -> None:
    with pytest.raises(NonFiniteError, match="metric on select is nan at step 2 of 8"):
        run(evaluate=lambda counts: float("nan"))


def test_the_clock_is_off_during_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def step(number: int) -> float:
        now[0] += 1
        return 0.0

    def evaluate(counts: bool) -> float:
        now[0] += 1000
        return 50.0

    curve, _ = run(on_step=step, evaluate=evaluate)
    assert curve.train_seconds == [2.0, 4.0, 6.0, 8.0]


def test_a_state_is_kept_after_each_evaluation_but_the_last_with_the_clock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    now, kept = [0.0], []
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def keep(state: dict[str, Any]) -> None:
        now[0] += 1000
        kept.append(copy.deepcopy(state))

    def step(number: int) -> float:
        now[0] += 1
        return 0.0

    curve, _ = run(on_step=step, keep=keep)
    assert [position(state) for state in kept] == [(2, 0), (4, 0), (6, 0)]
    assert curve.train_seconds == [2.0, 4.0, 6.0, 8.0]


SIXTHS = [step / 6 for step in range(6)]


@pytest.mark.parametrize(
    ("evaluations", "done", "expected"),
    [
        (8, 1, ["hints", "loaded", 1 / 2, "distil", *SIXTHS]),
        (4, 2, ["hints", "loaded", "distil", *SIXTHS]),
        (4, 4, ["distil", "loaded", *SIXTHS[2:]]),
        (8, 7, ["distil", "loaded", *SIXTHS[5:]]),
    ],
)
def test_a_run_goes_on_in_the_stage_it_was_in(evaluations: int, done: int, expected: list[object]) -> None:
    kept: dict[int, dict[str, Any]] = {}
    whole, _ = run(evaluations=evaluations, keep=lambda state: kept.update({position(state)[0]: copy.deepcopy(state)}))
    curve, told = run(evaluations=evaluations, earlier=kept[done], on_step=lambda step: float(step + done))
    assert told == expected
    assert curve.train_seconds[: len(kept[done]["curve"]["steps"])] == kept[done]["curve"]["train_seconds"]
    assert curve.train_seconds == sorted(curve.train_seconds)
    assert vars(curve) | {"train_seconds": None} == vars(whole) | {"train_seconds": None}
