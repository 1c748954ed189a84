"""Every figure of a record that the rest of it contradicts is named, and no figure of a record that is right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from records import changed, consistent, edited, failure, protocol, record

from bench.record import Passes, Predictions, Record
from bench.store import Store
from bench.validation.report import Problem, validate

KD, SCRATCH, FAILED = consistent(), consistent("scratch"), failure()
COUNTED = changed(
    KD,
    cost={
        "passes": {
            "student": Passes(forwards=400, backwards=400, updates=400),
            "teacher": Passes(forwards=400, backwards=0, updates=0),
        },
        "peak_tensor_bytes": 7,
        "allocated_bytes": 9,
    },
)


def problems(results: Path, good: Record, **edits: object) -> list[Problem]:
    """Of the record with edits, in the file that it had before. Dots of a field are written as two underscores."""
    path = Store(results).write(good)
    for field, value in edits.items():
        good = Record.model_validate_json(edited(good, field.replace("__", "."), value))
    path.write_text(good.to_json())
    return validate([path], results).problems


def predictions(count: int, **packed: str) -> dict[str, object]:
    """Of three items, two of them right."""
    whole = Predictions.pack(np.array([0, 1, 2]), np.array([0, 1, 1])).model_dump()
    return whole | packed | {"count": count}


@pytest.mark.parametrize("good", [KD, SCRATCH, FAILED, COUNTED, consistent(gpu_bytes=7, resident=(None, None))])
def test_what_a_run_left_has_no_problem(tmp_path, good):
    assert problems(tmp_path, good) == []


@pytest.mark.parametrize(
    ("good", "field", "value", "said"),
    [
        (KD, "key", "0" * 64, f"expected {KD.key}, the key of `cell`"),
        (KD, "teacher", None, "is null: expected the teacher that cell.teacher names"),
        (KD, "teacher.key", "0" * 64, "as cell.teacher"),
        (KD, "teacher.network", "resnet8", "expected resnet56, as cell.pair.teacher"),
        (KD, "cost.teacher", None, "expected what the teacher costs"),
        (KD, "fidelity", None, "expected how the predictions follow the teacher's"),
        (SCRATCH, "teacher", json.loads(KD.to_json())["teacher"], "expected null, as cell.teacher is null"),
        (SCRATCH, "fidelity", json.loads(KD.to_json())["fidelity"], "expected null, as cell.teacher is null"),
        (FAILED, "result", json.loads(KD.to_json())["result"], "expected null in a record with status nan"),
        (KD, "reason", "tired", 'is "tired": expected null in a record with status ok'),
        (KD, "provenance.started", "yesterday", "expected a date and time in UTC"),
        (KD, "provenance.started", "2026-01-31", "expected a date and time in UTC"),
        (KD, "curve.epoch.2", 1.5, "is 1.5: expected no less than 2.0, which came before"),
        (KD, "curve.steps.0", -1, "is -1: expected no less than 0"),
        (KD, "curve.samples.1", 0, "expected no less than 6400"),
        (KD, "curve.train_seconds.3", 29.0, "expected no less than 30.0"),
        (KD, "curve.flops.1", 1, "expected no less than 1000000000"),
        (KD, "cost.steps", 401, "is 401: expected 400, the last of curve.steps"),
        (KD, "cost.samples", 1, "expected 25600, the last of curve.samples"),
        (KD, "cost.train_flops", 1, "expected 4000000000, the last of curve.flops"),
        (COUNTED, "cost.passes.teacher.updates", -1, "is -1: expected 0 or more"),
        (COUNTED, "cost.passes.teacher.forwards", -1, "is -1: expected 0 or more"),
        (COUNTED, "cost.passes.student.forwards", 0, "expected 1 or more, as there are 400 backward passes"),
        (COUNTED, "cost.passes", {"student": {"forwards": 1, "backwards": 1, "updates": 1}}, "lacks the teacher"),
        (COUNTED, "cost.passes", {}, "lacks the student: expected its forward and backward passes"),
        (COUNTED, "cost.allocated_bytes", 6, "is 6: expected no less than 7, cost.peak_tensor_bytes"),
        (KD, "cost.train_seconds", 39.8, "expected 40.0, the last of curve.train_seconds"),
        (KD, "result.select", 66.5, "expected 66.0, the last of curve.select"),
        (KD, "result.selected_epoch", 4.0, "expected 2.0, the first at the best select, 66.0"),
        (KD, "result.selected_epoch", None, "is null: expected 2.0"),
        (KD, "result.test_selected", None, "expected the metrics on test"),
        (KD, "result.test_selected.accuracy", 100.1, "is 100.1: expected 0 to 100"),
        (KD, "result.test.f1", -0.1, "is -0.1: expected 0 to 100"),
        (KD, "result.test.matthews", -100.1, "is -100.1: expected -100 to 100"),
        (KD, "result.most_frequent_select", -1.0, "expected 0 to 100"),
        (KD, "result.worst_class", 66.7, "expected no more than 66.66666666666667, the accuracy over all classes"),
        (KD, "curve.select.0", -5.0, "is -5.0: expected 0 to 100"),
        (KD, "teacher.test", 100.5, "expected 0 to 100"),
        (KD, "teacher.select", -0.5, "expected 0 to 100"),
        (KD, "teacher.further.hard_spearman", 101.0, "expected -100 to 100"),
        (KD, "teacher.parameters", 0, "is 0: expected 1 or more"),
        (KD, "calibration.ece", 100.5, "expected 0 to 100"),
        (KD, "calibration.nll", -0.1, "is -0.1: expected 0 or more"),
        (KD, "calibration.brier", 2.1, "expected 0 to 2"),
        (KD, "fidelity.kl", -0.1, "expected 0 or more"),
        (KD, "fidelity.confidence_teacher_wrong", 100.6, "expected 0 to 100"),
        (KD, "fidelity.agreement", 39.9, "expected 40.0 to 85.0, between the two that it is made of"),
        (KD, "cost.warmup_seconds", -1.0, "expected 0 or more"),
        (KD, "cost.student.latency_seconds", -1.0, "expected 0 or more"),
        (KD, "cost.teacher.flops", -1, "expected 0 or more"),
        (KD, "cost.total_seconds", 42.9, "expected no less than 43.0, training, warm-up and evaluation"),
        (KD, "cost.peak_resident_bytes", 1, "expected no less than 104857600, cost.resident_before_bytes"),
        (KD, "select_items", 0, "is 0: expected 1 or more"),
        (KD, "predictions", None, "both predictions and calibration, or none of them"),
        (KD, "calibration", None, "both predictions and calibration, or none of them"),
        (KD, "predictions", predictions(3, classes="!"), "cannot be unpacked"),
        (KD, "predictions", predictions(3, classes="eNpj"), "cannot be unpacked (it does not hold 6 bytes)"),
        (KD, "predictions", predictions(3, correct="AAAA"), "cannot be unpacked (Error -3"),
        (KD, "predictions", predictions(2), "cannot be unpacked (it does not hold 4 bytes)"),
        (KD, "result.test.accuracy", 66.6, "expected 66.66666666666666, the share of predictions that are right"),
    ],
)
def test_a_contradiction_is_named(tmp_path, good, field, value, said):
    found = problems(tmp_path, good, **{field: value})
    assert any(said in each.problem for each in found if each.field == field), found


def test_the_field_that_is_named_is_the_one_that_is_wrong(tmp_path):
    (found,) = problems(tmp_path, KD, result__most_frequent={"accuracy": 101.0})
    assert (found.field, found.problem) == ("result.most_frequent.accuracy", "is 101.0: expected 0 to 100")
    (found,) = problems(tmp_path, KD, test_items=4)
    assert (found.field, found.problem) == ("predictions.count", "is 3: expected 4, as test_items")


@pytest.mark.parametrize(
    ("field", "value"),
    [("result.test.accuracy", 200 / 3 + 1e-9), ("cost.train_seconds", 40.05), ("cost.total_seconds", 43.0 - 1e-9)],
)
def test_round_off_and_the_clocks_last_tick_are_no_problem(tmp_path, field, value):
    assert problems(tmp_path, KD, **{field: value}) == []


def test_a_protocol_without_select_has_no_selected_epoch(tmp_path):
    whole = record(test=200 / 3, select=(None,) * 4, rules=protocol(evaluations=4))
    result = whole.result.model_copy(update={"selected_epoch": None, "test_selected": None})
    assert problems(tmp_path, whole.model_copy(update={"result": result, "select_items": None})) == []
    assert {each.field for each in problems(tmp_path, whole)} == {"result.selected_epoch", "result.test_selected"}


def test_a_regression_has_no_predictions(tmp_path):
    scores = {"pearson_spearman": -3.0, "pearson": -2.0, "spearman": -4.0}
    good = consistent()
    result = good.result.model_copy(update={"test": scores, "test_selected": scores, "worst_class": None})
    absent = dict.fromkeys(("predictions", "calibration", "fidelity"))
    scored = good.model_copy(update={"result": result, "metric": "pearson_spearman", **absent})
    assert problems(tmp_path, scored) == []


def test_evaluations_of_a_stage_without_a_classifier_are_never_the_best(tmp_path):
    good = consistent(counts=(True, False, True, True))
    (found,) = problems(tmp_path, good)
    assert str(found).endswith("result.selected_epoch: is 2.0: expected 4.0, the first at the best select, 66.0")
    none = problems(tmp_path, consistent(counts=[False] * 4))
    assert {each.field for each in none} == {"result.selected_epoch", "result.test_selected"}


def test_a_protocol_is_complete_and_of_its_types(tmp_path):
    found = {each.field: each.problem for each in problems(tmp_path, KD, cell__protocol__window="3")}
    assert found["cell.protocol.window"] == 'is "3": expected a valid integer'
    assert "key" in found
    without = {name: value for name, value in KD.cell.protocol.items() if name not in ("target", "student")}
    found = problems(tmp_path, KD, cell__protocol=without)
    missing = [each.field for each in found if each.problem == "is missing"]
    assert sorted(missing) == ["cell.protocol.student", "cell.protocol.target"]
    (shape,) = [
        each
        for each in problems(tmp_path, KD, cell__protocol__student__schedule__shape="round")
        if each.field.startswith("cell")
    ]
    assert shape.field == "cell.protocol.student.schedule"
    assert "'round' is none of" in shape.problem


def test_the_number_of_evaluations_is_the_protocols(tmp_path):
    good = record(test=200 / 3, select=(50.0, 66.0, 65.0, 66.0), rules=protocol(evaluations=40))
    (found,) = problems(tmp_path, good)
    assert found.field == "curve"
    assert found.problem == "has 4 evaluations: expected 40, as cell.protocol.evaluations"


def test_a_gpus_reserved_memory_holds_what_is_allocated(tmp_path):
    good = consistent(gpu_bytes=7)
    found = problems(tmp_path, good, cost__peak_device_reserved_bytes=6, cost__device_before_bytes=8)
    assert [each.field for each in found] == ["cost.peak_device_allocated_bytes", "cost.peak_device_reserved_bytes"]
