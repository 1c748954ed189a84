"""`check`: two sources are run and compared, as a maintainer would; and what is said where that cannot be done."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from checkouts import commit, worktrees
from records import changed, failure, record

from bench.cli import check_determinism, check_regressions
from bench.cli.main import build_parser
from bench.cli.selection import words_of
from bench.compare.comparison import Made
from bench.compare.finding import Figure
from bench.compare.sides import Side
from bench.errors import BenchError
from bench.store import Store
from bench.tree_runs import Share, TreeRun
from bench.trees import PARTS, Tree

HOUSE = Path(__file__).parents[2]
HALF = Share(2, 1, 1)
TOY = ["--tasks", "toy", "--protocol", "fair", "--plugin", "toy.py"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the source with the toy task as a plugin in it. Tests leave it as it is."""
    root = tmp_path_factory.mktemp("kdbench")
    for part in PARTS:
        shutil.copytree(HOUSE / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOUSE / "tests" / "toy.py", root)
    commit(root)
    return root


@pytest.fixture
def here(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout as the source that runs, with a user in it."""
    monkeypatch.chdir(source)
    for module in (check_determinism, check_regressions):
        monkeypatch.setattr(module, "source_root", lambda: source)
    return source


@pytest.fixture
def edited(here: Path):
    """Replaces a text in a file of the checkout; in the end the file is as it was."""
    before: dict[Path, str] = {}

    def edit(name: str, old: str, new: str) -> None:
        path = here / name
        before.setdefault(path, path.read_text())
        assert old in before[path]
        path.write_text(before[path].replace(old, new))

    yield edit
    for path, text in before.items():
        path.write_text(text)


def test_regressions_of_the_source_here_are_found_beside_what_did_not_change(here, edited, bench, tmp_path):
    edited("methods/kd.py", "self.alpha, self.temperature", "self.alpha / 2, self.temperature")
    edited("methods/sp.py", "def loss(", "def loss(self, *_):\n        raise ValueError('planted')\n\n    def was(")
    kept = tmp_path / "kept"
    code, out, err = bench(
        "check", "regressions", "main", *TOY, "--methods", "scratch,kd,sp", "--folder", kept, "--format", "json"
    )
    assert code == 1, err
    report = json.loads(out)  # progress is not on standard output
    assert report["verdict"] == "regression"
    failing = {
        (row["cells"]["method"], finding["figure"]): finding["verdict"]
        for row in report["rows"]
        for finding in row["findings"]
        if finding["fails"]
    }
    assert failing == {("kd", "behaviour"): "behaviour changed", ("sp", "failures"): "new failure"}
    assert [row["verdict"] for row in report["rows"] if row["cells"]["method"] == "scratch"] == ["no change"]
    for name, finished in (("base", 3), ("head", 2)):
        [folder] = kept.glob(f"{name}-*")
        assert sum(each.ok for _, each in Store(folder).records()) == finished
        assert [path.name for path in (folder / ".cache" / "teachers").glob("*.safetensors")]
        assert f"{name}: [3/3]" in err
    [base] = {each.provenance.commit for _, each in Store(next(kept.glob("base-*"))).records()}
    assert next(kept.glob("base-*")).name.startswith(f"base-{base[:12]}-")
    assert {each.provenance.dirty for _, each in Store(next(kept.glob("head-*"))).records()} == {True}
    assert worktrees(here) == 1


def test_the_same_source_gives_the_same_bits(here, bench):
    code, out, err = bench("check", "determinism", *TOY, "--methods", "kd")
    assert (code, out) == (0, "deterministic: 2 runs gave the same bits and the same costs (cells of each: 1)\n"), err
    assert err.count("training the teacher wide") == 2
    assert worktrees(here) == 1


def test_ctrl_c_ends_both_sides_and_leaves_no_worktree(source, tmp_path):
    command = [sys.executable, "-m", "bench", "check", "regressions", "main", *TOY, "--folder", str(tmp_path / "kept")]
    with TemporaryDirectory(prefix="t") as scratch:  # a socket's path is short
        paths = {"PYTHONPATH": str(source), "BENCH_CACHE": str(tmp_path / "cache"), "TMPDIR": scratch}
        process = subprocess.Popen(
            command, cwd=source, env=os.environ | paths, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        before = list(takewhile(lambda line: "cells on" not in line, process.stderr))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, [*before, err]
        assert out == ""
        assert "give the same command again, it goes on" in err
        assert err.splitlines()[-1] == "interrupted"
        assert worktrees(source) == 1
        assert list(Path(scratch).glob("kdbench-*")) == []
        ours = re.compile("|".join(map(re.escape, (scratch, str(tmp_path)))))
        left = [each for each in psutil.process_iter(["cmdline"]) if ours.search(" ".join(each.info["cmdline"] or ()))]
        assert psutil.wait_procs(left, timeout=5)[1] == []  # one that is killed is there for a moment more


def options(*arguments: str) -> argparse.Namespace:
    """The options of a check, parsed."""
    return build_parser().parse_args(["check", "regressions", *arguments])


def folder_name(name: str, *arguments: str, share: Share = HALF) -> str:
    """The folder of a side's records."""
    given = options("main", *arguments)
    with TemporaryDirectory() as scratch, check_regressions.tree_run(given, name, share, Path(scratch)) as run:
        return run.results.name


def test_changed_source_other_cells_and_other_circumstances_take_no_old_records(here, edited, monkeypatch):
    base, head = folder_name("base"), folder_name("head")
    assert (folder_name("base"), folder_name("head", "--seeds", "0-4")) == (base, head)
    names = [folder_name("head", "--methods", "kd"), folder_name("head", "--precision", "bfloat16")]
    names += [folder_name("head", "--plugin", "toy.py"), folder_name("head", share=Share(1, 1, 2))]
    edited("methods/kd.py", "self.alpha, self.temperature", "self.alpha / 2, self.temperature")
    assert folder_name("base") == base
    names.append(folder_name("head"))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    names += [folder_name("base"), folder_name("head")]
    assert len({base, head, *names}) == 2 + len(names)


def test_a_gpu_is_no_place_to_check_bits(bench, monkeypatch):
    monkeypatch.setattr(check_determinism, "on_gpu", lambda given: True)
    code, out, err = bench("check", "determinism", "--device", "cuda")
    assert (code, out) == (2, "")
    assert "the same seed gives the same bits on a CPU alone" in err


def test_a_run_that_differs_is_named_with_what_differs(capsys):
    one, other = (changed(record(method), cost={"peak_tensor_bytes": 7}) for method in ("kd", "pkd"))
    curve = one.curve.model_copy(update={"train_loss": [0.5, *one.curve.train_loss[1:]]})
    assert check_determinism.judge([[one, other], [one, other], [one, other]]) == 0
    assert capsys.readouterr().out == "deterministic: 3 runs gave the same bits and the same costs (cells of each: 2)\n"
    assert check_determinism.judge([[one, other], [one, other], [changed(one, curve=curve), other]]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("run 3: kd · ") for line in lines[:-1])
    assert any("behaviour changed" in line for line in lines)
    assert lines[-1].startswith("not deterministic")


def test_a_cell_that_fails_every_time_is_not_called_deterministic(capsys):
    assert check_determinism.judge([[failure("kd"), record("pkd")]] * 2) == 1
    assert "run 1: kd · cifar100 · resnet56->resnet20 · seed 0 failed: nan" in capsys.readouterr().out


def write(folder: Path, *made) -> Path:
    for each in made:
        Store(folder).write(each)
    return folder


def test_a_folder_as_base_gives_what_the_selection_asks_for(tmp_path):
    folder = write(tmp_path, record("kd", 0), record("kd", 1), record("sp", 0), record("kd", budget=0.5))
    given = options(str(folder), "--tasks", "cifar*", "--protocol", "fair", "--methods", "k*")
    assert [each.cell.seed for each in check_regressions.kept_side(given).records] == [0]
    assert check_regressions.kept_side(options("main")) is None


def test_a_folder_that_has_nothing_to_compare_is_refused_before_anything_runs(tmp_path, bench, monkeypatch):
    monkeypatch.setattr(check_regressions, "run_all", lambda *_: pytest.fail("it ran"))
    folder = write(tmp_path, record("kd", 0))
    code, _, err = bench("check", "regressions", folder, "--methods", "kd")
    assert code == 1
    assert "holds 1 records, none of them of digits · smoke · kd at seeds 0" in err
    given = ["--tasks", "cifar100", "--protocol", "fair"]
    code, _, err = bench("check", "regressions", folder, *given, "--most-seeds", "5")
    assert code == 2
    assert "only a revision can be given more seeds" in err


def test_a_folder_of_other_machines_is_an_error(tmp_path):
    kept = Side("results/baseline", [record("kd"), record("kd", machine="another")])
    head = Side("head", [record("kd", machine="another")])
    own = check_regressions.of_machine(kept, head)
    assert [each.machine for each in own.records] == ["another"]
    # Neither side's seeds could be added by one command without the other's: none is printed.
    assert own.where == ""
    with pytest.raises(BenchError, match=r"no such records of this machine, third, but of another, cpu-2c-8g"):
        check_regressions.of_machine(kept, Side("head", [record("kd", machine="third")]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["regressions", "absent"], "'absent' is no folder, and git knows no revision 'absent' in"),
        (["regressions", "main", "--methods", "kdd"], "unknown method 'kdd': did you mean"),
        (["regressions", "main", "--seeds", "x"], "seeds 'x' are not of the form"),
        (["regressions", "main", "--fail-on", "costs"], "did you mean"),
        (["regressions", "main", "--fail-on", "cost,time", "--seeds", "0-1"], "of at least 3: --seeds 0-2"),
        (["determinism", "--tasks", "digit"], "unknown task 'digit'"),
        (["determinism", "--runs", "1"], "one run has nothing to equal"),
        (["regressions"], "BASE"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(here, bench, arguments, said):
    code, out, err = bench("check", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_seeds_are_added_to_the_rows_in_doubt_alone_on_both_sides(tmp_path, monkeypatch, capsys):
    made = []

    def fake(orders, share, say) -> None:
        """Writes what a run would: kd is the row in doubt, sp is not."""
        for each in orders:
            made.append((each.run.name, each.words(each.seeds)[2], each.seeds))
            for seed in each.seeds:
                write(each.run.results, record("kd", seed, test=70 + seed % 2))

    monkeypatch.setattr(check_regressions, "run_all", fake)
    runs = [TreeRun(name, Tree(HOUSE, name), tmp_path / name) for name in ("base", "head")]
    for run in runs:
        write(run.results, *(record("kd", seed, test=70 + seed % 2) for seed in (0, 1, 2)))
        write(run.results, *(record("sp", seed, test=70) for seed in (0, 1, 2)))
    write(runs[1].results, *(record("kd", seed, test=69.9 + seed % 2) for seed in (0, 1, 2)))
    check_regressions.settle(options("main"), runs, Share(2), Made(in_one_go=True))
    assert made == []
    assert "--most-seeds 5" in capsys.readouterr().err
    check_regressions.settle(
        options("main", "--most-seeds", "5"), runs, Share(2), Made(in_one_go=True, until_sure=True)
    )
    assert made == [("base", "kd", (3, 4)), ("head", "kd", (3, 4))]


def test_a_kept_folder_gives_the_seeds_that_are_asked_for(tmp_path):
    run = TreeRun("base", Tree(tmp_path, "base"), tmp_path / "results")
    for seed in range(3):
        Store(run.results).write(record("kd", seed))
    given = lambda *words: build_parser().parse_args(["check", "regressions", "HEAD", *words])  # noqa: E731
    asked = lambda *words: [each.cell.seed for each in check_regressions.asked_for(given(*words), run, (1,))]  # noqa: E731
    assert asked() == [1]
    assert asked("--most-seeds", "5") == [0, 1, 2]


def test_a_file_is_no_folder_to_keep_records_in(bench, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = bench("check", "regressions", "HEAD", "--folder", tmp_path / "file")
    assert code == 2
    assert "is a file: expected a folder" in err


def test_a_method_that_one_side_alone_has_is_asked_of_that_side_alone(tmp_path, monkeypatch):
    known = {"base": {"scratch", "kd"}, "head": {"scratch", "kd", "mine"}}
    monkeypatch.setattr(TreeRun, "methods", property(lambda run: known[run.name]))
    given = build_parser().parse_args(["check", "regressions", "HEAD", "--methods", "scratch, mine,k*"])
    words = {
        name: words_of(given, TreeRun(name, Tree(tmp_path, name), tmp_path / name), (0,)) for name in ("base", "head")
    }
    asked = {name: each[each.index("--methods") + 1] for name, each in words.items()}
    assert asked == {"base": "scratch,k*", "head": "scratch,mine,k*"}


def test_in_turn_where_the_clock_gates(monkeypatch):
    assert check_regressions.share_of(options("main"), 2, frozenset({Figure.COST})).at_once == 2
    assert check_regressions.share_of(options("main"), 2, frozenset({Figure.TIME})).at_once == 1
    monkeypatch.setattr(check_regressions, "on_gpu", lambda given: True)
    assert check_regressions.share_of(options("main"), 2, frozenset({Figure.COST})) == Share(1)


@pytest.mark.parametrize("module", ["bench.cli.check_regressions", "bench.cli.check_determinism", "bench.baseline"])
def test_what_only_runs_and_compares_does_not_wait_for_torch(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'timm', 'pandas', 'plotly'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=HOUSE, check=False).returncode == 0
