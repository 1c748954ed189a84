"""The command `validate`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.store import Store


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "results"))


def test_what_a_run_leaves_is_valid(finished, bench):
    assert bench("validate", "--results", finished) == (0, "2 records are valid\n", "")
    assert bench("validate", finished) == (0, "2 records are valid\n", "")
    path = Store(finished).paths()[0]
    assert bench("validate", path, path) == (0, "1 record is valid\n", "")
    assert bench("validate", "--json", "--results", finished) == (0, "[]\n", "")


def test_file_and_field_of_every_problem(results, bench):
    first, second = Store(results).paths()
    first.write_bytes(first.read_bytes()[:500])
    content = json.loads(second.read_text())
    content["result"]["test"]["accuracy"] = 99.5
    content["cost"]["steps"] += 1
    second.write_text(json.dumps(content))
    code, out, err = bench("validate", "--results", results)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert [line.split(": ")[:2] for line in lines[:-1]] == [
        [str(first), "json"],
        [str(second), "cost.steps"],
        [str(second), "result.test.accuracy"],
    ]
    assert lines[-1] == "problems: 3, in 2 of 2 records"
    code, out, _ = bench("validate", "--json", first, second)
    assert code == 1
    listed = json.loads(out)
    assert [f"{each['file']}: {each['field']}: {each['problem']}" for each in listed] == lines[:-1]


def test_notes_are_no_problems(results, bench):
    path = Store(results).paths()[0]
    content = json.loads(path.read_text()) | {"status": "nan", "reason": "the loss is nan"}
    content |= dict.fromkeys(("result", "curve", "cost", "fidelity", "calibration", "predictions", "teacher"))
    Path(str(path).replace(".json", ".failed.json")).write_text(json.dumps(content))
    code, out, _ = bench("validate", "--results", results)
    assert code == 0
    assert out.splitlines()[0].startswith("note: ")
    assert out.splitlines()[-1] == "3 records are valid"


def test_other_files_are_passed_over(results, bench):
    for name in (".hidden.json", "LEADERBOARD.md", "figure.svg"):
        (results / name).write_text("{")
    assert bench("validate", "--results", results)[0] == 0


def test_a_name_that_is_not_there_is_a_usage_error(results, bench):
    code, _, err = bench("validate", results / "absent.json")
    assert code == 2
    assert "absent.json is neither a file nor a folder" in err
    code, _, err = bench("validate", "--results", results / "none")
    assert code == 1
    assert "does not exist" in err


def test_another_schema_is_refused_by_every_command_that_reads(results, bench):
    path = Store(results).paths()[0]
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    said = "has schema 2, this kdbench reads 1: a newer kdbench made it: update this one, or move the file away"
    for command in (["leaderboard"], ["export"], ["show", path], ["validate"]):
        code, out, err = bench(*command, "--results", results)
        assert code == 1
        assert said in out + err
        assert str(path) in out + err
