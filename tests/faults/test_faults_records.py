"""Records from elsewhere: whatever a file in a results folder is, every reader gives a result or names the file."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS
from records import consistent, edited, failure, protocol, record

from bench.errors import BenchError
from bench.record import CellIdentity, Record
from bench.soundness import unsound
from bench.store import Store
from bench.validation.report import validate

RULES = protocol(evaluations=4, target_seeds=1)
GOOD = record("kd", test=200 / 3, select=(50.0, 66.0, 65.0, 66.0), rules=RULES)
OTHERS = [
    record("scratch", rules=RULES),
    *(record("pkd", seed, rules=RULES) for seed in (0, 1)),
    failure("at", rules=RULES),
    record("kd", 1, rules=RULES, budget=0.5),
]
NAMES = [
    "../../x",
    "/etc/passwd",
    "..",
    "\x00",
    "x" * 200,
    "\x1b[2J",
    "a\u202eb",
    "<script>",
    "[l](u)",
    "a|b",
    "`",
    " ",
]
EXTREMES = [0, -1, 2**63, -(10**40), 10**400, 1e40, 1e-320, 1e308, float("nan"), float("-inf")]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a target, a failure and a smaller budget. Tests put what they change back."""
    root = tmp_path_factory.mktemp("records") / "results"
    for each in (GOOD, *OTHERS):
        Store(root).write(each)
    return root


def check(results: Path, content: bytes) -> None:
    """No reader crashes; what one refuses, it names, and `validate` has a problem of it."""
    path = Store(results).write(GOOD)
    path.write_bytes(content)
    try:
        named = {each.file for each in validate([path], results).problems}
        for read_all in READERS.values():
            with refusals() as said:
                read_all(results)
            assert all(path.name in each and str(path) in named for each in said)
    finally:
        path.write_text(GOOD.to_json())


@contextmanager
def refusals() -> Iterator[list[str]]:
    """What the errors say that a user is shown; every other error is a crash."""
    said: list[str] = []
    try:
        yield said
    except BenchError as error:
        said.append(str(error))


def places(value: object, path: tuple = ()) -> list[tuple]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, part in parts for each in places(part, (*path, name)))]


PLACES = places(json.loads(GOOD.to_json()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from([*EXTREMES, *NAMES]) | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text() | st.sampled_from(NAMES), parts, max_size=3),
    max_leaves=4,
)
CHANGES = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(PLACES), VALUES),
    st.tuples(st.just("drop"), st.sampled_from(PLACES[1:]), st.none()),
    st.tuples(st.just("swap"), st.sampled_from(PLACES[1:]), st.sampled_from(PLACES[1:])),
)


def changed(content: Any, change: tuple) -> Any:
    kind, place, value = change
    try:
        if not place:
            return value
        old = inside(content, place)
        if kind == "drop":
            del inside(content, place[:-1])[place[-1]]
        elif kind == "swap":
            new = copy.deepcopy(inside(content, value))
            inside(content, value[:-1])[value[-1]] = copy.deepcopy(old)
            inside(content, place[:-1])[place[-1]] = new
        else:
            inside(content, place[:-1])[place[-1]] = value
    except (TypeError, KeyError, IndexError):
        pass  # an earlier change took the place away
    return content


def inside(content: Any, place: tuple) -> Any:
    for name in place:
        content = content[name]
    return content


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, min_size=1, max_size=3), st.booleans())
def test_mutated_records_never_crash_a_reader(results, changes, rekeyed):
    content = json.loads(GOOD.to_json())
    for change in changes:
        content = changed(content, change)
    if rekeyed:  # as a forger would
        with suppress(TypeError, KeyError, ValueError):
            content["key"] = CellIdentity.model_validate_json(json.dumps(content["cell"])).key
    check(results, json.dumps(content).encode())


@pytest.mark.parametrize(
    "place",
    [
        *("cell.seed", "cell.budget", "result.test.accuracy", "curve.select.2", "curve.flops.3", "cost.parameters"),
        *("curve.train_seconds.3", "predictions.count", "environment.memory_bytes", "teacher.test", "test_items"),
        *("cell.protocol.window", "cell.protocol.target_margin", "cell.protocol.student.epochs"),
    ],
)
def test_extreme_figures_never_crash_a_reader(results, place):
    for value in EXTREMES:
        check(results, edited(GOOD, place, value).encode())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("cell.protocol.name", 5),
        ("cell.protocol.target", 5),
        ("cell.protocol.student", None),
        ("cell.protocol.controls", [[1]]),
        ("cell.protocol", {}),
        ("curve.select.0", None),
        ("result.test_selected", {}),
        ("result.selected_epoch", None),
        ("curve", {name: [] for name in json.loads(GOOD.to_json())["curve"]}),
        ("teacher", None),
        ("predictions.classes", ""),
        ("environment", {"device": [[]], "threads": {}, "load_average": [1], "cores": True}),
    ],
)
def test_parts_that_do_not_fit_together_never_crash_a_reader(results, place, value):
    check(results, edited(GOOD, place, value).encode())


def test_a_failed_record_with_a_cost_and_no_curve_is_refused(results):
    content = json.loads(failure("kd", rules=RULES).to_json()) | {"cost": json.loads(GOOD.to_json())["cost"]}
    check(results, json.dumps(content).encode())
    with pytest.raises(ValueError, match="lacks its curve"):
        Record.model_validate_json(json.dumps(content))


TEXT = GOOD.to_json()
DEVICE = '"device": "Test CPU"'


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + TEXT,
        TEXT.encode("utf-16"),
        TEXT.encode().replace(b"Test CPU", b"\xff\xc0\x80"),
        TEXT.replace(DEVICE, '"device": "\\ud800"'),
        TEXT.replace(DEVICE, '"device": ' + "1" * 5000),
        TEXT.replace(DEVICE, '"device": ' + "[" * 190 + "]" * 190),
        TEXT.replace(DEVICE, '"device": ' + '{"a":' * 900 + "1" + "}" * 900),
        TEXT.replace(DEVICE, '"device": ' + "[" * 99_999 + "]" * 99_999),
        TEXT.replace('"seed": 0', '"seed": 0, "seed": 1'),
        TEXT.replace(DEVICE, DEVICE + ", " + DEVICE),
        TEXT * 2,
    ],
    ids=["bom", "utf-16", "no utf-8", "surrogate", "digits", "deep", "deeper", "deepest", "twice", "twice too", "two"],
)
def test_odd_json_never_crashes_a_reader(results, content):
    check(results, content if isinstance(content, bytes) else content.encode())


def test_predictions_that_claim_to_be_huge_are_not_unpacked():
    bomb = edited(GOOD, "predictions", {"count": 10**9, "classes": "eNpj", "correct": "eNpj"})
    with pytest.raises(ValueError, match="less than or equal to 10000000"):
        Record.model_validate_json(bomb)


@pytest.mark.parametrize("made", [GOOD, consistent("scratch"), failure()], ids=["kd", "scratch", "failed"])
def test_what_a_run_leaves_is_sound(made):
    assert unsound(made) == []
