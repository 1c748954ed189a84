"""The commands that only read: list, show, leaderboard, export, teachers."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench import __version__
from bench.cli.main import main
from bench.cli.options import board_path
from bench.store import Store


def test_version(bench):
    code, out, _ = bench("--version")
    assert (code, out) == (0, f"kdbench {__version__}\n")


def test_no_command_is_a_usage_error(bench):
    code, _, err = bench()
    assert code == 2
    assert "COMMAND" in err


@pytest.mark.parametrize(
    "command", [["--help"], ["compare", "--help"], ["list", "pairs"], ["list", "protocols", "--json"], ["validate"]]
)
def test_light_commands_do_not_import_torch(command):
    code = (
        "import sys; from bench.cli.main import main\n"
        f"try: main({command!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'timm', 'pandas', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["methods", "tasks", "pairs", "protocols"])
def test_list_as_table_and_as_json(bench, kind):
    code, out, _ = bench("list", kind, "--json")
    rows = json.loads(out)
    assert code == 0
    assert rows
    first = next(iter(rows[0].values()))
    assert first in bench("list", kind)[1]


def test_list_names_the_tasks_that_a_path_makes(bench):
    names = [row["name"] for row in json.loads(bench("list", "tasks", "--json")[1])]
    assert names[:2] == ["digits", "cifar100"]
    assert names[-4:] == ["csv:PATH", "jsonl:PATH", "parquet:PATH", "imagefolder:PATH"]


def test_list_names_the_ten_methods_and_scratch(bench):
    names = [row["name"] for row in json.loads(bench("list", "methods", "--json")[1])]
    assert names == [
        "scratch", "kd", "fitnets", "at", "fsp", "sp", "dml", "pkd", "tinybert", "minilm", "metadistil"
    ]  # fmt: skip


def test_show_by_key_and_by_file(finished, bench):
    path, record = next(iter(Store(finished).records()))
    code, by_key, _ = bench("show", record.key[:8], "--results", finished)
    assert code == 0
    assert record.provenance.command in by_key
    student = record.cost.passes["student"]
    counts = f"{student.forwards} forward, {student.backwards} backward, {student.updates} updates"
    assert f"passes      student {counts}" in by_key
    assert bench("show", path, "--results", finished)[1] == by_key
    assert json.loads(bench("show", path, "--json", "--results", finished)[1]) == json.loads(path.read_text())


def test_the_reproduce_command_means_the_same_cell(finished, bench):
    for _, record in Store(finished).records():
        words = shlex.split(record.provenance.command)
        assert words[:3] == ["python", "-m", "bench"]
        _, out, _ = bench(*words[3:], "--dry-run", "--results", finished)
        cells = [line.split()[:2] for line in out.splitlines() if line.startswith(("done", "missing"))]
        assert cells == [["done", record.key[:12]]]


def test_a_sweep_leaves_the_defaults_as_control(finished, bench, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(finished, results)
    smoke = ["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8"]
    assert bench(*smoke, "--methods", "kd", "--set", "kd.temperature=2", "--results", results)[0] == 0
    tuned = {str(record.tuned) for _, record in Store(results).records() if record.cell.method.name == "kd"}
    assert tuned == {"{}", "{'temperature': 2.0}"}
    board = (results / "LEADERBOARD.md").read_text()
    assert "kd[temperature=2.0]" in board
    alone = tmp_path / "alone"
    assert bench(*smoke, "--methods", "kd", "--set", "kd.temperature=2", "--results", alone)[0] == 0
    assert "kd[temperature=2.0]" in (alone / "LEADERBOARD.md").read_text()


@pytest.mark.parametrize("cell", ["ffff", "nothing/here.json"])
def test_show_of_an_unknown_cell_says_so(finished, bench, cell):
    code, _, err = bench("show", cell, "--results", finished)
    assert code == 1
    assert cell in err


def test_leaderboard_check_tells_a_changed_board(finished, bench, tmp_path):
    board, results = tmp_path / "board.md", tmp_path / "results"
    shutil.copytree(finished, results)
    arguments = ["leaderboard", "--results", results, "--output", board]
    assert bench(*arguments)[0] == 0
    assert bench(*arguments, "--check")[0] == 0
    board.write_text(board.read_text().replace("kd", "dk", 1))
    changed = board.read_text()
    code, _, err = bench(*arguments, "--check")
    assert code == 1
    assert "the same command without --check writes it" in err
    assert board.read_text() == changed
    assert bench(*arguments)[0] == 0
    [figure] = (tmp_path / "results" / "figures").glob("*.svg")
    figure.write_text(figure.read_text(encoding="utf-8").replace("training time", "time"), encoding="utf-8")
    code, _, err = bench(*arguments, "--check")
    assert (code, f"{figure} does not show these records" in err) == (1, True)
    assert bench(*arguments)[1].splitlines()[0] == f"wrote {figure}"
    assert bench(*arguments, "--check")[0] == 0


def test_leaderboard_without_results_says_so(bench, tmp_path):
    code, _, err = bench("leaderboard", "--results", tmp_path / "none")
    assert code == 1
    assert str(tmp_path / "none") in err


def test_a_damaged_record_is_named(finished, bench, tmp_path):
    path, _ = next(iter(Store(finished).records()))
    damaged = tmp_path / "results" / path.name
    damaged.parent.mkdir()
    damaged.write_bytes(path.read_bytes()[:500])
    code, _, err = bench("leaderboard", "--results", damaged.parent)
    assert code == 1
    assert str(damaged) in err


def test_export_formats_hold_the_same_records(finished, bench, tmp_path):
    code, out, _ = bench("export", "--results", finished)
    assert code == 0
    csv = pd.read_csv(io.StringIO(out))
    parquet, plain = tmp_path / "records.parquet", tmp_path / "records.json"
    assert bench("export", "--format", "parquet", "--output", parquet, "--results", finished)[0] == 0
    assert bench("export", "--format", "json", "--output", plain, "--results", finished)[0] == 0
    keys = sorted(record.key for _, record in Store(finished).records())
    for table in (csv, pd.read_parquet(parquet), pd.DataFrame(json.loads(plain.read_text()))):
        assert sorted(table["key"]) == keys


def test_the_usual_folder_has_its_board_beside_it_however_it_is_written(tmp_path):
    assert board_path(Path("results")) == board_path(Path("results").resolve()) == Path("LEADERBOARD.md")
    assert board_path(tmp_path / "results") == tmp_path / "results" / "LEADERBOARD.md"


def test_an_export_that_fails_leaves_the_old_file(finished, bench, tmp_path, monkeypatch):
    table = tmp_path / "records.csv"
    table.write_text("old")

    def full(self, target, **options):
        target.write(b"half a ro")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_csv", full)
        code, _, err = bench("export", "--output", table, "--results", finished)
    assert code == 1
    assert f"{table} cannot be written: No space left on device" in err
    assert [path.name for path in tmp_path.iterdir()] == ["records.csv"]
    assert table.read_text() == "old"
    code, _, err = bench("export", "--output", tmp_path / "absent" / "t.csv", "--results", finished)
    assert code == 1
    assert "cannot be written" in err


def test_a_reader_that_has_enough_is_no_error(finished):
    command = f"{sys.executable} -m bench export --format json --results {finished} | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "["
    assert done.stderr == ""


def test_teachers_are_listed_and_cleared(finished, bench):
    rows = json.loads(bench("teachers", "list", "--json")[1])
    teacher = next(row for row in rows if row["network"] == "digits_resnet14")
    assert len(teacher["sha256"]) == 64
    code, _, err = bench("teachers", "clear", teacher["name"] + "x")
    assert code == 2
    assert teacher["name"] in err
    assert bench("teachers", "clear", teacher["name"])[0] == 0
    assert teacher["name"] not in bench("teachers", "list")[1]
    # Cleared is not lost: the next run that needs it trains it again, to the same weights.
    assert main(["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8", "--methods", "kd",
                 "--only", "all", "--results", str(finished)]) == 0  # fmt: skip
    again = json.loads(bench("teachers", "list", "--json")[1])
    assert teacher["sha256"] in [row["sha256"] for row in again]
