"""Whatever a file holds, it is named with its field, and nothing crashes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import consistent, edited

from bench.errors import StoreError
from bench.record import CellIdentity
from bench.store import Store, read
from bench.validation.report import Problem, validate

GOOD = consistent()
TEXT = GOOD.to_json()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the good record belongs. Every test writes it anew."""
    return Store(tmp_path_factory.mktemp("form")).write(GOOD)


def problems(path: Path, content: bytes | str) -> list[Problem]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return validate([path], path.parents[4]).problems


def test_a_good_record_has_no_problem(path):
    assert problems(path, TEXT) == []


@pytest.mark.parametrize(
    ("content", "field", "said"),
    [
        (b"", "json", "the file is empty"),
        (b" \n", "json", "the file is empty"),
        (TEXT.encode()[:700], "json", "ends at byte 700, in the middle of the record"),
        (TEXT.replace('"seed": 0,', '"seed": 0'), "json", "not JSON: expected `,` or `}` at line"),
        (b"\x93NUMPY\x01\x00v\x00\xff", "json", "not JSON"),
        (b"\xff\xfe" + "{}".encode("utf-16-le"), "json", "not JSON"),
        (b"[]", "json", "is []: expected an object"),
        (b"[" * 100_000, "json", "recursion limit"),
        (b"12", "json", "is 12: expected an object"),
        (edited(GOOD, "schema", 2), "schema", "has schema 2, this kdbench reads 1: a newer kdbench made it"),
        (edited(GOOD, "schema", 0), "schema", "has schema 0, this kdbench reads 1: an older kdbench made it"),
        (edited(GOOD, "schema", "1"), "schema", 'is "1": expected 1'),
        (edited(GOOD, "status", "fine"), "status", "is \"fine\": expected 'ok', 'oom'"),
        (edited(GOOD, "cost.train_seconds", "40"), "cost.train_seconds", 'is "40": expected a valid number'),
        (edited(GOOD, "cost.steps", 400.5), "cost.steps", "is 400.5: expected a valid integer"),
        (edited(GOOD, "curve.select.2", [1]), "curve.select.2", "is [1]: expected a valid number"),
        (edited(GOOD, "predictions.count", -1), "predictions.count", "is -1: expected greater than or equal to 0"),
        (edited(GOOD, "predictions.count", 2**62), "predictions.count", "expected less than or equal to 10000000"),
        (edited(GOOD, "curve.select.2", 1e300), "curve.select.2", "is 1e+300: expected less than or equal to"),
        (edited(GOOD, "environment.load", -1e41), "environment.load", "is -1e+41: expected a number of at most 1e40"),
        (edited(GOOD, "speed", 1), "speed", "is no field of a record"),
        (edited(GOOD, "result", None), "record", "lacks result"),
        (edited(GOOD, "key", "k"), "key", 'is "k": expected a string to match pattern'),
        (edited(GOOD, "calibration.ece", float("nan")), "calibration.ece", "a finite number"),
        (edited(GOOD, "environment.load", float("-inf")), "environment.load", "is -Infinity: expected a finite"),
        (
            edited(GOOD, "environment.load", 2**63),
            "environment.load",
            "is 9223372036854775808: expected an integer of 64 bits",
        ),
        (TEXT.replace('"seed": 0,', '"seed": ' + "1" * 5000 + ","), "json", "number out of range"),
        (TEXT.replace('"seed": 0,', '"seed": 0, "seed": 1,'), "cell.seed", "is given 2 times: expected once"),
        (TEXT.replace('"ece"', '"mean"'), "calibration.ece", "is missing"),
        (edited(GOOD, "metric", "f1"), "record", "the metric 'f1' is not in result.test"),
    ],
)
def test_what_is_no_record_is_named(path, content, field, said):
    found = [each for each in problems(path, content) if each.field == field]
    assert [each.file for each in found] == [str(path)]
    assert said in found[0].problem
    if field not in ("cell.seed", "environment.load"):  # which only a second look finds
        with pytest.raises(StoreError) as raised:
            read(path)
        assert str(path) in str(raised.value)
        assert said in str(raised.value)


def test_all_problems_of_a_file_are_listed(path):
    content = json.loads(TEXT)
    content |= {"status": "fine", "speed": 1}
    content["environment"]["load"] = float("nan")
    fields = {each.field for each in problems(path, json.dumps(content))}
    assert fields == {"status", "speed", "environment.load"}


def test_a_problem_is_one_line_whatever_it_names(path):
    (found,) = problems(path, edited(GOOD, "a\nb\x1b[31m\u2028", 1))
    assert len(str(found).splitlines()) == 1
    assert "\x1b" not in str(found)


def test_files_that_cannot_be_read_are_named(tmp_path):
    loop, absent = tmp_path / "loop.json", tmp_path / "absent.json"
    loop.symlink_to(loop)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "target.json").symlink_to(absent)
    paths = [loop, tmp_path / "folder.json", tmp_path / "target.json"]
    found = validate(paths, tmp_path).problems
    assert [(each.file, each.field) for each in found] == [(str(path), "file") for path in sorted(paths)]
    assert all("cannot be read" in each.problem for each in found)
    with pytest.raises(StoreError, match="cannot be read"):
        read(loop)


def test_links_to_folders_are_not_followed(tmp_path):
    path = Store(tmp_path).write(GOOD)
    (path.parent / "again").symlink_to(tmp_path, target_is_directory=True)
    assert Store(tmp_path).paths() == [path]


PLACES: list[tuple] = []


def _places(value: object, path: tuple) -> None:
    PLACES.append(path)
    if isinstance(value, dict):
        for name, part in value.items():
            _places(part, (*path, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            _places(part, (*path, number))


_places(json.loads(TEXT), ())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(["", "a" * 64, "2026-01-01", "9999-12-31T23:59:59-23:59", "eNoDAAAAAAE="])
    | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=5,
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), st.none() | VALUES.map(lambda value: [value])), min_size=1, max_size=3
)


@given(CHANGES, st.booleans())
def test_changed_records_never_crash(path, changes, rekeyed):
    """A change is a place and its new value in a list, or None: the place is left out."""
    content = json.loads(TEXT)
    for place, new in changes:
        content = _put(content, place, new)
    if rekeyed:
        content = _with_its_key(content)
    check(path, json.dumps(content).encode())


@given(st.binary(max_size=50), st.integers(0, len(TEXT)), st.integers(0, 50))
def test_damaged_bytes_never_crash(path, patch, start, length):
    raw = TEXT.encode()
    check(path, raw[:start] + patch + raw[start + length :])


def check(path: Path, content: bytes) -> None:
    """What cannot be read has a problem, and every problem is one line."""
    found = problems(path, content)
    assert all(str(each).startswith(os.fspath(path)) and each.field and each.problem for each in found)
    assert all(len(str(each).splitlines()) == 1 for each in found)
    try:
        read(path)
    except StoreError:
        assert found


def _put(part: object, place: tuple, new: list | None) -> object:
    if not place:
        return part if new is None else new[0]
    first, *rest = place
    try:
        if rest or new:
            part[first] = _put(part[first], tuple(rest), new)
        else:
            del part[first]
    except (TypeError, KeyError, IndexError):
        return part  # an earlier change took the place away
    return part


def _with_its_key(content: object) -> object:
    """The key that fits a changed cell, where there is one: a forger would not forget it."""
    try:
        content["key"] = CellIdentity.model_validate_json(json.dumps(content["cell"])).key
    except (TypeError, KeyError, ValueError):
        return content  # no cell any more
    return content
