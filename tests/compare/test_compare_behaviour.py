"""Same seed, same bits: the first evaluation that differs, and what may differ with no change of the code."""

import base64
import zlib

import numpy as np
import pytest
from records import changed, protocol, record
from rows_of_records import brief, row_of

from bench.compare.behaviour import behaviour, identical
from bench.errors import StoreError
from bench.record import Predictions

BASE = [record(seed=0), record(seed=1)]


def found(base, head):
    return behaviour(row_of(base, head))


def with_array(made, name, number, value):
    values = list(getattr(made.curve, name))
    values[number] = value
    return changed(made, curve={name: values})


def test_equal_bits_are_no_change_whatever_the_clock_says():
    slow = [record(seed=seed, seconds=99.0) for seed in (0, 1)]
    assert brief(found(BASE, slow)) == ("no change", "equal to the bit (seeds 0-1)")
    assert identical(row_of(BASE, slow))


@pytest.mark.parametrize(
    ("name", "number", "value", "seen"),
    [
        ("train_loss", 2, 0.34, "the loss differs from evaluation 3 of 4 on: 0.33333 → 0.34"),
        ("train_loss", 3, 0.2500000000000001, "the loss differs from evaluation 4 of 4 on: 0.25 → 0.2500000000000001"),
        ("select", 0, 51.0, "the metric on select differs from evaluation 1 of 4 on: 50 → 51"),
        ("select", 0, None, "the metric on select differs from evaluation 1 of 4 on: 50.0 → none"),
        ("steps", 1, 201, "the steps differ from evaluation 2 of 4 on: 200 → 201"),
        ("samples", 1, 1, "the samples differ from evaluation 2 of 4 on: 12,800 → 1"),
        ("epoch", 1, 3.0, "the epoch differs from evaluation 2 of 4 on: 2 → 3"),
        ("stage", 0, "hints", "the stage differs from evaluation 1 of 4 on: student → hints"),
        ("counts", 0, False, "whether an evaluation counts differs from evaluation 1 of 4 on: True → False"),
    ],
)
def test_the_first_evaluation_that_differs_is_named(name, number, value, seen):
    row = row_of(BASE, [BASE[0], with_array(BASE[1], name, number, value)])
    assert brief(behaviour(row)) == ("behaviour changed", f"{seen} (seed 1); 1 of 2 seeds differ")
    assert behaviour(row).is_regression
    assert not identical(row)


def test_an_earlier_evaluation_goes_before_a_field_that_is_asked_first():
    head = with_array(with_array(record(), "steps", 3, 1), "train_loss", 1, 0.7)
    assert found([record()], [head]).seen == "the loss differs from evaluation 2 of 4 on: 0.5 → 0.7 (seed 0)"


def test_a_shorter_curve_is_a_change():
    short = record(select=(50.0, 60.0, 65.0))
    assert found([record()], [short]).seen == "evaluations 4 → 3 (seed 0)"


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({"result": {"test": {"accuracy": 70.5}}}, "result.test.accuracy 70 → 70.5 (seed 0)"),
        ({"fidelity": {"kl": 0.25}}, "fidelity.kl 0.5 → 0.25 (seed 0)"),
        ({"calibration": {"ece": 5.5}}, "calibration.ece 5 → 5.5 (seed 0)"),
    ],
)
def test_a_measure_that_differs_after_the_same_curve_is_named(parts, seen):
    assert brief(found([record()], [changed(record(), **parts)])) == ("behaviour changed", seen)


def test_predictions_that_differ_are_counted():
    assert found([record()], [record(predicted=(0, 1, 1))]).seen == "1 of 3 predictions on test differ (seed 0)"
    assert found([record()], [record(predicted=(0,), labels=(0,))]).seen == "predictions 3 → 1 (seed 0)"


def test_predictions_that_were_compressed_otherwise_are_equal():
    raw = np.array((0, 1, 2), dtype="<u2").tobytes()
    packed = record().predictions.model_copy(update={"classes": base64.b64encode(zlib.compress(raw, 0)).decode()})
    assert packed != record().predictions
    assert found([record()], [changed(record(), predictions=packed)]).verdict.value == "no change"


def test_predictions_that_cannot_be_read_are_an_error_that_names_the_record():
    torn = changed(record(), predictions=Predictions(count=3, classes="AAAA", correct="AAAA"))
    with pytest.raises(StoreError, match=f"record {torn.key[:12]}: predictions"):
        found([record()], [torn])


def test_what_an_older_record_does_not_have_is_named_and_not_a_change():
    old = changed(record(), fidelity=None, predictions=None)
    assert brief(found([old], [record()])) == (
        "no change",
        "equal to the bit (seed 0); not recorded in base: fidelity, predictions",
    )


def test_what_head_does_not_record_any_more_is_a_change():
    head = changed(record(), fidelity=None, predictions=None)
    finding = found([record()], [head])
    assert brief(finding) == ("behaviour changed", "no longer recorded in head: fidelity, predictions (seed 0)")
    assert finding.is_regression
    # A single field of the results, beside another one that differs.
    head = changed(record(test=69.0), result={"worst_class": None})
    assert found([record()], [head]).seen == (
        "result.test.accuracy 70 → 69; no longer recorded in head: result.worst_class (seed 0)"
    )


def test_a_record_that_lost_something_has_the_same_bits_for_the_tests_of_accuracy():
    assert identical(row_of([record()], [changed(record(), predictions=None)]))


def test_parameters_are_named_before_what_they_changed():
    base, head = record(parameters={"temperature": 4.0}), record(parameters={"temperature": 2.0}, test=69.0)
    assert found([base], [head]).seen == "parameter temperature 4 → 2; result.test.accuracy 70 → 69 (seed 0)"


def test_a_new_parameter_that_changes_nothing_is_no_change():
    assert found([record()], [record(parameters={"normalise": False})]).verdict.value == "no change"


def test_a_raised_version_announces_a_change():
    changes = found([record()], [record(version=2, test=69.0)])
    assert (changes.verdict.value, changes.announced, changes.is_regression) == (
        "behaviour changed",
        "kd v1 → v2",
        False,
    )


def test_the_teacher_is_named_first_and_not_announced_by_the_method():
    changes = found([record()], [record(version=2, teacher="d" * 64, test=69.0)])
    assert changes.seen.startswith("the teacher's weights differ: sha256 aaaaaaaaaaaa → dddddddddddd; result.test")
    assert changes.is_regression


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"versions": {"python": "3.11.9", "torch": "2.10.0"}}, "torch 2.9.0 → 2.10.0 (seed 0)"),
        ({"versions": {"python": "3.11.9"}}, "torch 2.9.0 → none (seed 0)"),
        ({"environment": {"threads": 2}}, "threads 1 → 2 (seed 0)"),
        ({"environment": {"threads": 1, "cpu_capability": "AVX2"}}, "instructions none → AVX2 (seed 0)"),
        ({"gpu_bytes": 10}, "a GPU does not repeat its bits (seed 0)"),
    ],
)
def test_other_conditions_are_not_comparable(options, reason):
    assert brief(found([record()], [record(test=1.0, **options)])) == ("not comparable", reason)


def test_the_version_of_the_harness_is_what_is_compared():
    versions = [{"python": "3.11.9", "kdbench": version} for version in ("0.1.0", "0.2.0")]
    base, head = (record(versions=each) for each in versions)
    assert found([base], [head]).verdict.value == "no change"


def test_seeds_under_other_conditions_are_left_out_and_named():
    head = [BASE[0], record(seed=1, test=1.0, environment={"threads": 8})]
    assert brief(found(BASE, head)) == ("no change", "equal to the bit (seed 0); not compared: threads 1 → 8 (seed 1)")


def test_no_seed_on_both_sides_is_not_comparable():
    assert brief(found([record(seed=0)], [record(seed=1)])) == ("not comparable", "no seed succeeded on both sides")
    assert not identical(row_of([record(seed=0)], [record(seed=0), record(seed=1)]))


def test_a_protocol_without_select_has_bits_too():
    rules = protocol(select=False)
    base = changed(record(select=(None, None), rules=rules), result={"test_selected": None, "selected_epoch": None})
    assert found([base], [base]).verdict.value == "no change"
