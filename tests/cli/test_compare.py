"""`compare`: what it is given, what it prints, and when it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from records import edited, failure, record

from bench.compare.finding import Figure
from bench.record import Record
from bench.store import Store
from bench.trees import state_of_checkout

ROOT = Path(__file__).parents[2]
SCORES = (70.0, 70.2, 69.8, 70.1, 69.9)


@pytest.fixture(autouse=True, scope="session")
def processes() -> None:
    """These tests run no cells."""


def stored(folder: Path, records: Iterable[Record]) -> Path:
    for each in records:
        Store(folder).write(each)
    return folder


def scored(drop: float = 0.0, method: str = "kd", seeds: int = 5, **options) -> list[Record]:
    """Runs on a GPU, where bits are not compared."""
    scores = SCORES[:seeds]
    usual = {"gpu_bytes": 10**9, "test_items": 10_000, **options}
    return [record(method, seed, test=score - drop, **usual) for seed, score in enumerate(scores)]


@pytest.fixture
def sides(tmp_path: Path):
    """Two folders of these records."""

    def make(base: Iterable[Record], head: Iterable[Record]) -> tuple[Path, Path]:
        return stored(tmp_path / "base", base), stored(tmp_path / "head", head)

    return make


def test_records_that_are_the_same_pass(bench, sides):
    code, out, err = bench("compare", *sides(scored(), scored()))
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("no regression: 1 row, ")


def test_a_drop_fails_and_a_margin_lets_it_pass(bench, sides):
    base, head = sides(scored(), scored(1.0))
    code, out, err = bench("compare", base, head)
    assert (code, err) == (1, "")
    assert "REGRESSIONS\nkd · cifar100 · resnet56->resnet20 · fair" in out
    assert out.splitlines()[-1].startswith("regression in 1 of 1 row")
    assert bench("compare", base, head, "--accuracy-margin", "2")[0] == 0
    assert bench("compare", base, head, "--fail-on", "cost,failures")[0] == 0
    assert bench("compare", head, base)[0] == 0


def test_a_missing_row_fails_only_where_it_is_named(bench, sides):
    base, head = sides([*scored(), *scored(method="at")], scored())
    code, out, _ = bench("compare", base, head)
    assert code == 0
    assert "1 missing" in out.splitlines()[-1]
    assert bench("compare", base, head, "--fail-on", "missing")[0] == 1


def test_a_new_failure_fails(bench, sides):
    base, head = sides(scored(), [*scored(seeds=4), failure("kd", 4)])
    code, out, _ = bench("compare", base, head)
    assert code == 1
    assert "new failure: " in out


def test_what_is_in_doubt_gets_its_commands(bench, sides):
    base, head = sides(scored(seeds=3), scored(0.35, seeds=3))
    code, out, _ = bench("compare", base, head)
    assert code == 0
    assert "in doubt: needs 5 seeds a side" in out
    for side, folder in (("base", base), ("head", head)):
        assert f"--seeds 3-4 --precision float32 --results {folder}  # {side}, at commit cccccccccccc" in out


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_every_format_says_the_same(bench, sides, drop):
    folders = sides(scored(), scored(drop))
    said = {name: bench("compare", *folders, "--format", name) for name in ("text", "markdown", "json", "junit")}
    assert {code for code, _, _ in said.values()} == {int(drop > 0)}
    summary = said["text"][1].splitlines()[-1]
    content = json.loads(said["json"][1])
    assert (content["summary"], content["base"], content["head"]) == (summary, *map(str, folders))
    assert said["markdown"][1].startswith(f"### {summary}")
    suite = ElementTree.fromstring(said["junit"][1])
    assert suite.find("system-out").text == summary
    assert (suite.find("testcase/failure") is not None) is (drop > 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fail-on", "acuracy"], "unknown figure in --fail-on 'acuracy': did you mean accuracy?"),
        (["--fail-on", "cost,,time"], "unknown figure in --fail-on ''"),
        (["--accuracy-margin", "-1"], "'-1' is not a number from 0"),
        (["--time-margin", "inf"], "'inf' is not a number from 0"),
        (["--format", "html"], "invalid choice: 'html'"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_read(bench, arguments, said):
    code, out, err = bench("compare", "no such folder", "neither", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_name_that_means_nothing_is_a_usage_error(bench, sides):
    base, _ = sides(scored(), scored())
    code, out, err = bench("compare", base, "no such folder")
    assert (code, out) == (2, "")
    assert "'no such folder' is neither a file nor a folder" in err


def test_sides_without_a_common_row_are_an_error_that_says_what_there_is(bench, sides):
    base, head = sides(scored(), scored(method="at"))
    code, out, err = bench("compare", base, head)
    assert (code, out) == (1, "")
    assert f"base {base}: 5 records of commit cccccccccccc" in err
    assert f"head {head}: 5 records" in err


def test_a_raised_version_of_the_task_is_not_comparable_and_no_error(bench, sides):
    base, head = sides(scored(), scored(task_version=2))
    code, out, err = bench("compare", base, head)
    assert (code, err) == (0, "")
    assert "task cifar100 v1 → v2" in out


def test_benchmarks_fail_only_where_time_is_named(bench, tmp_path):
    cpu = {"brand_raw": "Test CPU", "arch": "X86_64", "count": 2}
    paths = []
    for name, ratio in (("base", 2.0), ("head", 1.8)):
        entry = {"fullname": "a.py::b", "extra_info": {"ratios": [ratio, ratio * 1.001]}, "stats": {}}
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"machine_info": {"cpu": cpu}, "benchmarks": [entry]}))
    code, out, _ = bench("compare", *paths)
    assert code == 0
    assert "a.py::b\n  worse in time: 11.1% slower" in out
    assert out.splitlines()[-1] == "no regression: 1 row, 1 worse (time: no failure)"
    assert bench("compare", *paths, "--fail-on", "time")[0] == 1
    assert bench("compare", *paths, "--fail-on", "time", "--time-margin", "20")[0] == 0


def test_records_and_benchmarks_have_nothing_in_common(bench, tmp_path):
    (path := tmp_path / "bench.json").write_text(
        json.dumps({"machine_info": {}, "benchmarks": [{"fullname": "a.py::b", "stats": {}}]})
    )
    code, _, err = bench("compare", stored(tmp_path / "results", scored()), path)
    assert code == 1
    assert f"head {path}: 1 benchmarks" in err


def test_a_damaged_record_is_named(bench, sides):
    base, head = sides(scored(), scored())
    path = Store(head).paths()[0]
    path.write_bytes(path.read_bytes()[:500])
    code, out, err = bench("compare", base, head)
    assert (code, out) == (1, "")
    assert str(path) in err


def test_the_committed_records_equal_themselves_and_one_change_of_a_bit_is_found(bench, tmp_path):
    """Every row of the repository, real records: nothing is red but what was changed."""
    results = ROOT / "results"
    assert bench("compare", results, results, "--fail-on", ",".join(Figure))[0] == 0
    shutil.copytree(results, copy := tmp_path / "results")
    path = next(path for path in Store(copy).paths() if path.name.startswith("kd-s0") and "digits" in path.parts)
    [one] = [each for file, each in Store(copy).records() if file == path]
    path.write_text(edited(one, "curve.train_loss.0", one.curve.train_loss[0] * (1 + 2**-50)))
    code, out, _ = bench("compare", results, copy, "--format", "json")
    content = json.loads(out)
    assert code == 1
    [row] = [row for row in content["rows"] if row["fails"]]
    assert (row["cells"]["method"], row["cells"]["task"], row["verdict"]) == ("kd", "digits", "behaviour changed")
    assert [each["figure"] for each in row["findings"] if each["fails"]] == ["behaviour"]


def test_comparing_does_not_import_torch():
    code = (
        "import sys; from bench.cli.main import main\n"
        "assert main(['compare', 'results', 'results']) == 0\n"
        "heavy = {'torch', 'timm', 'pandas', 'matplotlib', 'scipy.stats'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(state_of_checkout(ROOT)[0] is None, reason="this is no git checkout, which has revisions")
def test_a_revision_is_the_same_from_a_folder_below(bench, monkeypatch):
    monkeypatch.chdir(ROOT / "docs")
    code, out, err = bench("compare", "HEAD:results/baseline", "HEAD:results/baseline")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("no regression: ")
