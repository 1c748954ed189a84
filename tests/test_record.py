"""The record: what it refuses, what it keeps, and its published schema."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from records import curve, edited, failure, record

import bench.record
from bench.record import Curve, Predictions, Record

SCHEMA_FILE = Path(bench.record.__file__).with_name("record.schema.json")
REWRITE = (
    'python -c "import json; from bench.record import Record; print(json.dumps(Record.model_json_schema(), indent=1))"'
    " > bench/record.schema.json"
)


@pytest.mark.parametrize("good", [record(), record("scratch"), failure()], ids=["kd", "scratch", "failed"])
def test_json_round_trip(good):
    assert Record.model_validate_json(good.to_json()) == good


def test_published_schema_is_current():
    current = json.dumps(Record.model_json_schema(), indent=1) + "\n"
    assert SCHEMA_FILE.read_text() == current, f"bench/record.schema.json is out of date. Run: {REWRITE}"


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("schema", 2, "schema"),
        ("key", "../../etc", "key"),
        ("machine", "../up", "machine"),
        ("status", "fine", "status"),
        ("result", None, "lacks result"),
        ("curve", None, "lacks curve"),
        ("cost", None, "lacks cost"),
        ("metric", "f1", "'f1' is not in result.test"),
        ("result.test.accuracy", "70.1", "accuracy"),
        ("cost.speed", 1.0, "speed"),
        ("curve.select", [1.0], "differ in length"),
    ],
)
def test_refuses(path, value, complaint):
    strings_stay_strings = {"strict": True} if path == "result.test.accuracy" else {}
    with pytest.raises(ValidationError, match=complaint):
        Record.model_validate_json(edited(record(), path, value), **strings_stay_strings)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_refuses_figures_that_are_not_finite(value):
    with pytest.raises(ValidationError, match="finite"):
        record(test=value)


def test_failure_needs_its_reason():
    with pytest.raises(ValidationError, match="lacks its reason"):
        Record.model_validate_json(edited(failure(), "reason", None))


def test_curve_arrays_have_one_length():
    arrays = curve([1.0, 2.0], seconds=1.0).model_dump()
    with pytest.raises(ValidationError, match="differ in length"):
        Curve(**{**arrays, "steps": [1]})


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), min_size=1, max_size=200))
def test_predictions_round_trip(pairs):
    predicted, labels = (np.array(column) for column in zip(*pairs, strict=True))
    classes, correct = Predictions.pack(predicted, labels).unpack()
    assert classes.tolist() == predicted.tolist()
    assert correct.tolist() == (predicted == labels).tolist()
