"""protocol.md, Fairness 1 to 5 and Time: what the engine does, with the toy task; and what is proved elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boards
import by_hand
import pytest
import torch
from boards import committed
from torch import nn
from toy import FAIR, Toy
from workers import TASK, cell, make_worker

from bench.engine import clock as clock_module
from bench.engine import evaluate, worker
from bench.errors import UsageError
from bench.plan import check_budget
from bench.protocol import Protocol
from bench.registry import Registry
from methods.fsp import FlowOfSolutionProcedure

ENGINE = "tests/engine"
PROVED = {
    "1. carved from the official training set": f"{ENGINE}/test_splits.py::test_fit_and_select_part_the_training_set",
    "1. stratified": f"{ENGINE}/test_splits.py::test_counts_follow_the_largest_remainders",
    "1. fixed by the task, never by the run": (
        f"{ENGINE}/test_splits.py::test_splits_are_the_same_every_time_whatever_the_global_seed"
    ),
    "1. GLUE: dev": "tests/tasks/test_task_glue.py::test_other_sizes_than_the_official_ones_are_refused",
    "2. the same teacher checkpoint": f"{ENGINE}/test_worker.py::test_no_method_changes_the_teacher",
    "2. one teacher for all": f"{ENGINE}/test_worker.py::test_teachers_and_data_are_loaded_once",
    "2. the same initial student weights, the same batches": (
        f"{ENGINE}/test_worker.py::test_every_method_gets_the_same_batches_and_initial_weights"
    ),
    "2. the same batches for the real methods": f"{ENGINE}/test_worker.py::test_real_methods_get_the_same_batches",
    "2. the declared exemption, a quiz": (
        f"{ENGINE}/test_worker.py::test_a_method_with_a_quiz_sees_the_shared_order_without_the_quiz"
    ),
    "2. a function of seed, epoch and step": (
        f"{ENGINE}/test_batches.py::test_the_same_seed_gives_the_same_batches_whatever_the_global_seed"
    ),
    "2. the same augmentation draws": (
        f"{ENGINE}/test_batches.py::test_left_out_items_change_neither_the_order_nor_the_draws_of_the_others"
    ),
    "2. teachers train on fit only": f"{ENGINE}/test_teachers.py::test_teachers_learn_from_the_whole_of_fit",
    "2. trained_on: unknown": f"{ENGINE}/test_worker_failures.py::test_a_brought_teacher_is_used_and_marked",
    "3. the epoch chosen on select": (
        f"{ENGINE}/test_worker.py::test_the_selected_epoch_is_the_earliest_best_that_counts"
    ),
    "4. stages share the budget": f"{ENGINE}/test_loop.py::test_steps_of_the_stages_add_up_to_the_budget",
    "4. their time counts": f"{ENGINE}/test_loop.py::test_the_curve_has_every_evaluation",
    "8. full training set": f"{ENGINE}/test_splits.py::test_without_select_everything_is_fit",
    "8. its epochs and decays": "tests/test_protocol.py::test_the_published_recipe_divides_by_ten_at_its_epochs",
    "8. no target": f"{ENGINE}/test_worker.py::test_without_select_nothing_is_said_about_it",
    "Time: monotonic clock": f"{ENGINE}/test_clock.py::test_seconds_between_start_and_stop_add_up",
    "Time: device synchronised": f"{ENGINE}/test_clock.py::test_a_gpu_is_waited_for_at_both_ends",
    "Time: evaluation is off": f"{ENGINE}/test_loop.py::test_the_clock_is_off_during_evaluations",
    "Time: equally spaced": f"{ENGINE}/test_loop.py::test_marks_are_equally_spaced_and_the_last_is_the_end",
    "Time: measured training FLOPs": (
        f"{ENGINE}/test_worker.py::test_flops_are_the_steps_of_every_stage_times_its_own"
    ),
    "Time: hardware fingerprint": (
        f"{ENGINE}/test_hardware.py::test_the_machine_is_the_hardware_not_what_torch_was_told_to_use"
    ),
    "Match: the ladder's cells": "tests/test_plan.py::test_a_ladder_of_budgets_rescales_the_epochs_alone",
    "Match: a stage that trains no classifier": f"{ENGINE}/test_loop.py::test_evaluations_are_told_whether_they_count",
    "Beyond: agreement, KL, teacher right and wrong": f"{ENGINE}/test_evaluate.py::test_fidelity_is_the_textbooks",
    "Beyond: ECE, NLL, Brier": f"{ENGINE}/test_evaluate.py::test_calibration_is_the_textbooks",
    "Beyond: 15 bins": f"{ENGINE}/test_evaluate.py::test_neighbouring_bins_do_not_make_up_for_each_other",
    "Beyond: worst class": f"{ENGINE}/test_evaluate.py::test_the_worst_class_is_the_lowest_recall",
    "Beyond: memory": f"{ENGINE}/test_memory.py::test_tensors_that_live_together_are_added_and_others_are_not",
    "Beyond: parameters and extra parameters": f"{ENGINE}/test_worker.py::test_parameters_are_counted",
    "Beyond: FLOPs a sample": f"{ENGINE}/test_worker.py::test_flops_of_plain_training_are_those_of_the_layers",
    "Beyond: energy": f"{ENGINE}/test_clock.py::test_joules_are_those_while_it_is_on",
    "Statistics: published defaults": "tests/methods/test_method_pages.py::test_defaults_are_the_published_ones",
}
"""Sentence → the test that proves it. Fairness 5, a search of hyperparameters, has no code yet."""

REGISTRY = Registry()


def protocols(name: str) -> list[Protocol]:
    tasks = (REGISTRY.task(plugin.name) for plugin in REGISTRY.plugins("tasks"))
    return [task.protocols[name] for task in tasks if name in task.protocols]


# --- Fairness ---


def test_select_is_a_tenth_of_the_official_training_set() -> None:
    """“10% select, … fixed by the task”. The digits, too few for that, take a quarter: their note calls them a toy."""
    shares = {plugin.name: REGISTRY.task(plugin.name).select_share for plugin in REGISTRY.plugins("tasks")}
    assert shares.pop("digits") == 0.25
    assert set(shares.values()) == {0.1}


def test_test_is_read_at_the_end_alone(monkeypatch: pytest.MonkeyPatch, short_measurements: None) -> None:
    """“`test` … is … read once, at the end”: by the student of the last epoch, and by the one chosen on `select`."""
    shared, read = make_worker(), []
    logits_of = evaluate.logits_of
    shared.run(cell("kd"))  # the teacher is measured when it is loaded
    splits = shared._bench[1].splits

    def noted(network: Any, task: Any, examples: Any) -> Any:
        read.append("select" if examples is splits.select else "test" if examples is splits.test else "other")
        return logits_of(network, task, examples)

    monkeypatch.setattr(worker.measures, "logits_of", noted)
    assert shared.run(cell("kd", seed=1)).ok
    assert read == ["select"] * 4 + ["test"] * 2


def test_extra_stages_share_the_epochs_of_the_budget() -> None:
    """“Extra stages (FitNets hints, TinyBERT's first step) share the epochs of the budget”: all runs have its steps."""
    stages = set()
    for runs in by_hand.groups(committed().records):
        ended = [run for run in runs if run.ok]
        assert len({(run.cost.steps, run.cost.samples) for run in ended}) == 1
        for run in ended:
            student = run.cell.protocol["student"]
            assert run.curve.steps[-1] == run.cost.steps
            assert run.curve.epoch[-1] == pytest.approx(
                student["epochs"] * run.cell.budget, abs=student["batch_size"] / 50
            )
            stages |= {(run.cell.method.name, stage) for stage in run.curve.stage if len(set(run.curve.stage)) > 1}
    assert {("fitnets", "hints"), ("fsp", "flow"), ("minilm", "relations")} <= stages
    assert len({stage for method, stage in stages if method == "tinybert"}) == 2


def test_a_stage_on_top_of_the_budget_is_refused_but_for_a_reproduction() -> None:
    """“Extra stages … share the epochs of the budget”; “`paper` follows the published recipe as it was”."""
    more = FlowOfSolutionProcedure(on_top=True)
    with pytest.raises(UsageError, match="fsp would train its stage flow on top of the budget: in protocol 'fair'"):
        check_budget(cell(more))
    check_budget(cell(FlowOfSolutionProcedure()))
    check_budget(cell(more, protocol=Toy.protocols["paper"]))


def test_a_reproduction_protocol_trains_on_the_full_training_set() -> None:
    """“`paper` follows the published recipe as it was (full training set, its epochs, last epoch on test)”."""
    [paper] = protocols("paper")
    assert not paper.select
    assert paper.fit_items is None
    assert (paper.student.epochs, paper.teacher.epochs) == (240, 240)
    made = cell("kd", protocol=Toy.protocols["paper"])
    assert made.fit_items == made.teacher_fit_items == TASK.train_items


# --- Time ---


class Timed(Toy):
    """The toy on a clock of its own: what each thing takes is a power of ten of seconds."""

    name = "timed"
    now = 0.0
    AUGMENTED, STUDENT, TEACHER, PLAIN, BUILD = 1.0, 10.0, 100.0, 10_000.0, 1_000_000.0

    def prepare(self, inputs: Any, draws: dict[str, torch.Tensor] | None) -> torch.Tensor:
        Timed.now += self.PLAIN if draws is None else self.AUGMENTED
        return super().prepare(inputs, draws)

    def network(self, name: str) -> nn.Module:
        Timed.now += self.BUILD
        made = super().network(name)
        made.fc.register_forward_hook(self.taught if name == "wide" else self.studied)
        return made

    def taught(self, *given: Any) -> None:
        Timed.now += self.TEACHER

    def studied(self, module: nn.Module, *given: Any) -> None:
        Timed.now += self.STUDENT if module.training else 0.0


def test_what_the_clock_counts_and_what_it_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short_measurements: None
) -> None:
    """“**On**: batches and augmentation, teacher forward, student …; **Off** …: model construction, …, evaluation”."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(perf_counter=lambda: Timed.now))
    shared, task = make_worker(), Timed()
    runs = {name: shared.run(replace(cell(name), task=task)) for name in ("scratch", "kd", "fitnets")}
    assert all(run.ok for run in runs.values())
    steps = 12
    student = steps * (Timed.AUGMENTED + Timed.STUDENT)
    assert runs["scratch"].cost.train_seconds == student
    # Every step of both stages of FitNets asks the teacher: all of it is on the clock.
    assert runs["kd"].cost.train_seconds == runs["fitnets"].cost.train_seconds == student + steps * Timed.TEACHER
    assert runs["kd"].curve.train_seconds == [part * runs["kd"].cost.train_seconds / 4 for part in (1, 2, 3, 4)]
    for run in runs.values():
        assert run.cost.warmup_seconds > Timed.BUILD
        # Four evaluations on select, and test twice, are beside it.
        assert run.cost.evaluation_seconds >= 6 * Timed.PLAIN
    assert runs["kd"].teacher.train_seconds > 0
    assert runs["kd"].cost.total_seconds < runs["kd"].teacher.train_seconds + 4 * Timed.BUILD + 100 * Timed.PLAIN


def test_the_cadence_is_the_same_for_every_method() -> None:
    """“One evaluation cadence for all methods, in samples seen … 40 evaluations a run, equally spaced”."""
    for protocol in protocols("fair"):
        assert protocol.evaluations == 40
    for runs in by_hand.groups(committed().records):
        ended = [run for run in runs if run.ok]
        assert len({tuple(run.curve.samples) for run in ended}) == 1
        samples, size = ended[0].curve.samples, ended[0].cell.protocol["student"]["batch_size"]
        assert len(samples) == 40
        for number, seen in enumerate(samples, 1):
            assert abs(seen - number * samples[-1] / 40) <= size


def test_the_rule_of_the_target_is_the_same_for_every_task() -> None:
    """“δ = .3 points … from at least 5 seeds … the last 3 evaluations … PKD”; controls are scratch and kd."""
    assert protocols("fair")
    for protocol in (*protocols("fair"), *protocols("quick"), FAIR):
        rule = (protocol.target, protocol.target_margin, protocol.target_seeds, protocol.window, protocol.controls)
        assert rule == ("pkd", by_hand.DELTA, by_hand.SEEDS, by_hand.WINDOW, ("scratch", "kd"))


def test_a_rung_of_the_ladder_rescales_the_schedule(short_measurements: None) -> None:
    """“budget ladder (¼, ½, ¾, 1 of the budget, schedule rescaled)”: as many evaluations, the rate ends as low."""
    rates: dict[float, list[float]] = {}
    shared, step = make_worker(), REGISTRY.method("kd").step
    for budget in (0.5, 1.0):
        seen = rates[budget] = []

        class Noted(REGISTRY.method("kd")):
            def step(self, training: Any, batch: Any, seen: list[float] = seen) -> None:
                seen.append(training.learning_rate)
                step(self, training, batch)

        record = shared.run(replace(cell(Noted()), budget=budget))
        assert record.ok
        assert record.cell.budget == budget
        assert len(record.curve.select) == 4
        assert record.cost.steps == 12 * budget
    half, whole = rates[0.5][-6:], rates[1.0][-12:]
    assert half == pytest.approx(whole[::2])


# --- proved elsewhere ---


@pytest.mark.parametrize("place", PROVED.values(), ids=PROVED.keys())
def test_what_is_said_to_be_proved_elsewhere_is_there(place: str) -> None:
    """So that no sentence loses its proof when a test is renamed."""
    file, name = place.split("::")
    assert f"\ndef {name}(" in (boards.REPOSITORY / file).read_text()
