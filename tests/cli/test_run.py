"""`run` as a user types it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.cache import checkpoint_folder, checkpoint_path
from bench.store import Store

SMOKE = ["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_records_and_the_board(finished):
    records = [record for _, record in Store(finished).records()]
    assert sorted(record.cell.method.name for record in records) == ["kd", "scratch"]
    assert all(record.ok and len(record.curve.select) == 8 for record in records)
    board = (finished / "LEADERBOARD.md").read_text()
    assert "resnet14->resnet8" in board
    assert "kd" in board


def test_a_second_run_does_nothing_but_say_so(finished, bench):
    before = files(finished)
    code, out, _ = bench(*SMOKE, "--methods", "scratch,kd", "--results", finished)
    assert code == 0
    assert "2 done" in out
    assert "0 to run" in out
    assert "nothing to do: --only all runs again" in out
    assert files(finished) == before


def test_a_second_run_removes_what_killed_ones_have_left(finished, bench, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(finished, results)
    [figure] = (results / "figures").iterdir()
    left = [results / ".LEADERBOARD.md.abcdefgh", figure.with_name(f".{figure.name[:100]}.abcdefgh")]
    left.append(results / ".runs" / "here-1-2.json")
    record = next(results.rglob("kd-*.json"))
    left.append(checkpoint_path(checkpoint_folder(results), record.stem.rpartition("-")[2]))
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    os.utime(left[-1], (0, 0))
    code, out, _ = bench(*SMOKE, "--methods", "scratch,kd", "--results", results)
    assert code == 0
    assert "nothing to do" in out
    assert [path for path in left if path.exists()] == []


def test_only_all_runs_again_and_gives_the_same_numbers(finished, bench, tmp_path):
    shutil.copytree(finished, tmp_path / "again")
    code, _, _ = bench(*SMOKE, "--methods", "kd", "--only", "all", "--results", tmp_path / "again")
    assert code == 0
    old, new = (
        next(record for _, record in Store(folder).records() if record.cell.method.name == "kd")
        for folder in (finished, tmp_path / "again")
    )
    assert new.provenance.started >= old.provenance.started
    assert new.curve.select == old.curve.select
    assert new.curve.train_loss == old.curve.train_loss
    assert new.predictions == old.predictions


def test_dry_run_lists_cells_and_skips_and_runs_nothing(finished, bench, tmp_path):
    code, out, _ = bench(*SMOKE, "--methods", "all", "--dry-run", "--results", finished)
    assert code == 0
    assert any(line.startswith("done") and "kd" in line for line in out.splitlines())
    assert any(line.startswith("missing") and "fitnets" in line for line in out.splitlines())
    skipped = [line for line in out.splitlines() if line.startswith("skipped")]
    assert {line.split()[1] for line in skipped} == {"tinybert", "minilm"}
    assert all("queries, keys and values" in line for line in skipped)
    assert "estimated:" in out
    empty = tmp_path / "never"
    bench(*SMOKE, "--dry-run", "--results", empty)
    assert not empty.exists()


def test_a_sweep_makes_one_cell_a_value(bench, tmp_path):
    code, out, _ = bench(*SMOKE, "--methods", "kd", "--set", "kd.temperature=2,4,8", "--dry-run", "--results", tmp_path)
    assert code == 0
    cells = [line for line in out.splitlines() if line.startswith("missing")]
    assert [f"temperature={value}" in line for value, line in zip((2.0, 4.0, 8.0), cells, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (["--methods", "kdd"], "did you mean kd"),
        (["--methods", "kd", "--tasks", "digit"], "did you mean digits"),
        (["--methods", "kd", "--protocol", "smok"], "did you mean smoke"),
        (["--methods", "kd", "--pairs", "resnet14->resnet9"], "did you mean resnet8"),
        (["--methods", "kd", "--pairs", "resnet14"], "TEACHER->STUDENT"),
        (["--methods", "kd", "--set", "kd.temprature=2"], "did you mean temperature"),
        (["--methods", "kd", "--set", "kd.temperature=hot"], "'hot' is not a value like 4.0"),
        (["--methods", "kd", "--set", "at.weight=2"], "unknown method in --set 'at'"),
        (["--methods", "at", "--set", "at.form=best"], "none of"),
        (["--methods", "kd", "--seeds", "3-1"], "not of the form"),
        (["--methods", "kd", "--device", "tpu"], "expected auto, cpu, cuda"),
        (["--methods", "kd", "--device", "cuda:99"], "is not here"),
        (["--methods", "kd", "--plugin", "nowhere.py"], "does not exist"),
    ],
)
def test_a_wrong_name_or_value_is_a_usage_error(bench, tmp_path, wrong, expected):
    results = tmp_path / "results"
    code, _, err = bench(*SMOKE, "--results", results, *wrong)
    assert code == 2
    assert expected in err
    assert not results.exists()


def test_a_missing_data_folder_is_named(bench, tmp_path):
    code, _, err = bench(*SMOKE, "--methods", "kd", "--data-dir", tmp_path / "no", "--results", tmp_path / "results")
    assert code == 1
    assert str(tmp_path / "no") in err
    assert "--data-dir" in err


def test_cifar_data_that_are_not_there_say_what_to_do(bench, tmp_path):
    code, _, err = bench(
        "run", "--tasks", "cifar100", "--protocol", "smoke", "--pairs", "resnet8x4->resnet20", "--methods", "scratch",
        "--data-dir", tmp_path, "--results", tmp_path / "results",
    )  # fmt: skip
    assert code == 1
    assert "cifar-100-python" in err
    assert not list((tmp_path / "results").rglob("*.json"))


def test_a_results_folder_that_cannot_be_written_is_named(bench, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code, _, err = bench(*SMOKE, "--methods", "scratch", "--results", blocked / "results")
    assert code == 1
    assert str(blocked / "results") in err
    assert "--results" in err


PLUGIN = """
from bench.method import Method, method
from methods.losses import task_loss

@method("mine")
class Mine(Method):
    \"\"\"Plain training, or what a test asks for.\"\"\"
    mode: str = "plain"

    def loss(self, student, teacher, labels, training):
        if self.mode == "raise":
            raise RuntimeError("planted")
        if self.mode == "interrupt" and training.progress > 0.5:  # in the loop, long after the rehearsal
            raise KeyboardInterrupt
        loss = task_loss(student.logits, labels)
        return {"task": loss * float("nan") if self.mode == "nan" else loss}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    return path


def test_a_plugin_file_is_enough_for_a_new_method(bench, plugin, tmp_path, finished):
    results = tmp_path / "results"
    code, _, _ = bench(*SMOKE, "--methods", "mine", "--plugin", plugin, "--results", results)
    assert code == 0
    [(_, record)] = Store(results).records()
    scratch = next(record for _, record in Store(finished).records() if record.cell.method.name == "scratch")
    # It does what scratch does, so it must give what scratch gives: same weights, same batches.
    assert record.curve.select == scratch.curve.select
    assert record.predictions == scratch.predictions


def test_the_plugin_of_the_readme_works_as_it_is_printed(bench, tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [code] = re.findall(r"```python\n(# angles\.py\n.*?)```", readme, re.DOTALL)
    assert len(code.splitlines()) < 30
    path, results = tmp_path / "angles.py", tmp_path / "results"
    path.write_text(code)
    assert bench(*SMOKE, "--methods", "angles", "--plugin", path, "--results", results)[0] == 0
    [(_, record)] = Store(results).records()
    assert record.ok
    assert record.cell.method.name == "angles"


TASK_PLUGIN = """
from tasks.digits import Digits

class Mine(Digits):
    \"\"\"Digits under another name.\"\"\"
    name = "mydigits"
"""


def test_a_task_of_a_file_is_in_the_command_that_makes_its_cell_again(bench, tmp_path):
    path, results = tmp_path / "mydigits.py", tmp_path / "results"
    path.write_text(TASK_PLUGIN)
    run = ["run", "--tasks", "mydigits", "--protocol", "smoke", "--pairs", "resnet14->resnet8", "--methods", "scratch"]
    assert bench(*run, "--plugin", path, "--results", results)[0] == 0
    [(_, record)] = Store(results).records()
    assert f"--plugin {path}" in record.provenance.command


@pytest.mark.parametrize(
    "command", [["run", "--tasks", "broken"], ["list", "pairs"], ["list", "protocols"]], ids=lambda words: words[-1]
)
def test_a_task_that_lacks_its_parts_is_blamed_without_a_traceback(bench, tmp_path, command):
    path = tmp_path / "broken.py"
    path.write_text('from bench.task import Task\n\nclass T(Task):\n    name = "broken"\n')
    code, _, err = bench(*command, "--plugin", path)
    assert code == 2
    assert "task 'broken' raised AttributeError" in err


def test_a_teacher_of_another_shape_is_refused_before_anything_runs(bench, tmp_path):
    path, results = tmp_path / "teacher.safetensors", tmp_path / "results"
    save_file({"stem.0.weight": torch.zeros(2, 2)}, path)
    code, _, err = bench(*SMOKE, "--methods", "scratch,kd", "--teacher", path, "--results", results)
    assert code == 1
    assert "does not fit the network 'resnet14'" in err
    assert "expected" in err
    assert not list(results.rglob("*.json"))


@pytest.mark.parametrize(
    "setting",
    ["kd.temperature=0", "kd.alpha=1.5", "pkd.temperature=-1", "minilm.alpha=-0.1", "fitnets.temperature=0",
     "metadistil.temperature=0"],
)  # fmt: skip
def test_values_that_no_formula_takes_are_refused_before_anything_runs(bench, tmp_path, setting):
    name = setting.partition(".")[0]
    code, _, err = bench(*SMOKE, "--methods", name, "--set", setting, "--results", tmp_path)
    assert code == 2
    assert ", expected " in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["0", "1"])
def test_a_quiz_that_leaves_nothing_is_refused_before_anything_runs(bench, tmp_path, value):
    code, _, err = bench(*SMOKE, "--methods", "metadistil", "--set", f"metadistil.quiz={value}", "--results", tmp_path)
    assert code == 2
    assert "expected between 0 and 1" in err


@pytest.mark.parametrize(("mode", "status", "said"), [("raise", "error", "planted"), ("nan", "nan", "nan")])
def test_a_failed_cell_is_a_record_and_runs_again(bench, plugin, tmp_path, mode, status, said):
    results = tmp_path / "results"
    arguments = [*SMOKE, "--methods", "mine", "--plugin", plugin, "--set", f"mine.mode={mode}", "--results", results]
    code, out, err = bench(*arguments)
    assert code == 1
    assert said in out
    assert "--only failed" in err
    [(path, record)] = Store(results).records()
    assert record.status == status
    assert path.name.endswith(".failed.json")
    code, out, _ = bench(*arguments, "--dry-run")
    assert "1 failed" in out
    assert "1 to run" in out


def test_a_failure_stops_the_run_only_if_it_should(bench, plugin, tmp_path):
    arguments = [*SMOKE, "--methods", "mine,scratch", "--plugin", plugin, "--set", "mine.mode=raise"]
    code, out, _ = bench(*arguments, "--no-keep-going", "--results", tmp_path / "stopped")
    assert code == 1
    assert "stopped at the first failure: 1 cells have not been run" in out
    assert [record.status for _, record in Store(tmp_path / "stopped").records()] == ["error"]
    code, out, _ = bench(*arguments, "--results", tmp_path / "went_on")
    assert code == 1
    assert sorted(record.status for _, record in Store(tmp_path / "went_on").records()) == ["error", "ok"]


def test_ctrl_c_keeps_what_is_finished(bench, plugin, tmp_path):
    results = tmp_path / "results"
    code, out, _ = bench(
        *SMOKE, "--methods", "scratch,mine", "--plugin", plugin, "--set", "mine.mode=interrupt", "--results", results,
        "--workers", "0",
    )  # fmt: skip
    assert code == 130
    assert "1 of 2 cells are finished" in out
    assert [record.cell.method.name for _, record in Store(results).records()] == ["scratch"]
    assert (results / "LEADERBOARD.md").exists()
    assert {str(path.relative_to(results)) for path in results.rglob(".*")} == {".claims", ".runs"}
    assert not list((results / ".runs").iterdir())
    assert "it goes on from there" in out


def test_ctrl_c_of_an_export_says_what_its_next_command_takes(bench, plugin, tmp_path):
    command = [*SMOKE, "--methods", "scratch,mine", "--plugin", plugin, "--set", "mine.mode=interrupt"]
    command += ["--workers", "0"]
    command += ["--results", tmp_path / "results", "--export-student"]
    code, out, _ = bench(*command, tmp_path / "best")
    assert code == 130
    assert "with --only all and a new folder for --export-student" in out
    code, out, _ = bench(*command, tmp_path / "again", "--only", "all")
    assert "exported to" in out


def test_ctrl_c_while_a_teacher_trains_leaves_no_part_of_it(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    arguments = [*SMOKE, "--methods", "kd", "--results", tmp_path / "results", "--workers", "0"]

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bench.engine.teachers.train", interrupted)
        assert bench(*arguments)[0] == 130
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    assert not list((tmp_path / "results").rglob("*.json"))
    # The lock is free again: the same command goes on.
    assert bench(*arguments)[0] == 0


def test_a_teacher_that_cannot_be_made_is_no_failure_of_the_method(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.engine.teachers.save", full)
    code, _, err = bench(*SMOKE, "--methods", "kd", "--results", tmp_path / "results", "--workers", "0")
    assert code == 1
    assert "resnet14" in err
    assert "cannot be kept: No space left on device" in err
    assert "BENCH_CACHE" in err
    assert not list((tmp_path / "results").rglob("*.json"))


def test_an_unreadable_record_does_not_lose_the_run(bench, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    (results / "stray.json").write_text("{}")
    code, out, _ = bench(*SMOKE, "--methods", "scratch", "--results", results)
    assert code == 1  # the board could not be written
    assert "stray.json" in out
    assert len(list(results.rglob("scratch-s0-*.json"))) == 1


def test_a_teacher_of_ones_own(bench, tmp_path, finished):
    code, out, _ = bench("teachers", "list")
    name = next(line.split()[0] for line in out.splitlines() if "resnet14" in line)
    exported = tmp_path / "teacher.safetensors"
    assert bench("teachers", "export", name, exported)[0] == 0
    results = tmp_path / "results"
    code, _, _ = bench(*SMOKE, "--methods", "kd", "--teacher", exported, "--results", results)
    assert code == 0
    [(_, record)] = Store(results).records()
    own = next(record for _, record in Store(finished).records() if record.cell.method.name == "kd")
    assert record.teacher.trained_on == "unknown"
    assert record.teacher.sha256 == own.teacher.sha256
    assert record.curve.select == own.curve.select
    assert record.key != own.key


def test_a_teacher_with_other_weights_than_the_records_is_said(bench, tmp_path, finished, monkeypatch):
    shutil.copytree(finished, tmp_path / "results")
    arguments = [*SMOKE, "--methods", "kd", "--seeds", "1", "--dry-run", "--results", tmp_path / "results"]
    assert "note:" not in bench(*arguments)[1]
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    assert "it is not in the cache and is trained again" in bench(*arguments)[1]
    monkeypatch.setattr("bench.teacher_check.cached_weights", lambda cell: "0123456789abcdef" * 4)
    code, out, _ = bench(*arguments)
    assert code == 0
    assert "the one in the cache has 0123456789ab" in out


def test_a_teacher_file_that_is_none_is_named(bench, tmp_path):
    path = tmp_path / "teacher.safetensors"
    path.write_bytes(b"not safetensors")
    code, _, err = bench(*SMOKE, "--methods", "kd", "--teacher", path, "--results", tmp_path / "results")
    assert code == 1
    assert str(path) in err
