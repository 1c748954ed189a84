"""Which runs go together, and what each of them is given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import tree_runs
from bench.errors import BenchError
from bench.tree_runs import Order, Share, TreeRun, in_groups, run_all
from bench.trees import Tree, source_root


def tree_run(name: str, tmp_path: Path, source: Path | None = None) -> TreeRun:
    return TreeRun(name, Tree(source or source_root(), f"the source of {name}"), tmp_path / name)


def order(run: TreeRun, *seeds: int) -> Order:
    return Order(run, lambda seeds: ["run", *map(str, seeds)], seeds)


def named(groups) -> list[list[tuple[str, tuple[int, ...]]]]:
    return [[(order.run.name, order.seeds) for order in group] for group in groups]


def test_side_by_side_every_run_has_its_part_of_each_group(tmp_path):
    base, head = tree_run("base", tmp_path), tree_run("head", tmp_path)
    orders = [order(base, 0, 1), order(base, 2), order(head, 0, 1)]
    assert named(in_groups(orders, 2)) == [[("base", (0, 1)), ("head", (0, 1))], [("base", (2,))]]


def test_many_runs_go_two_at_a_time(tmp_path):
    runs = [tree_run(f"run {number}", tmp_path) for number in range(5)]
    assert [len(group) for group in in_groups([order(run, 0) for run in runs], 2)] == [2, 2, 1]


def test_in_turn_the_order_of_the_runs_alternates_seed_by_seed(tmp_path):
    base, head = tree_run("base", tmp_path), tree_run("head", tmp_path)
    groups = named(in_groups([order(base, 0, 1, 2), order(head, 0, 1, 2)], 1))
    assert [group[0] for group in groups] == [
        ("base", (0,)),
        ("head", (0,)),
        ("head", (1,)),
        ("base", (1,)),
        ("base", (2,)),
        ("head", (2,)),
    ]
    assert all(len(group) == 1 for group in groups)


def test_one_run_alone_has_nothing_to_take_turns_with(tmp_path):
    assert named(in_groups([order(tree_run("head", tmp_path), 0, 1)], 1)) == [[("head", (0, 1))]]


@pytest.mark.parametrize(
    ("cores", "at_once", "expected"),
    [(1, 2, (1, 1)), (2, 2, (1, 1)), (4, 2, (1, 2)), (16, 2, (2, 4)), (4, 1, (1, 4)), (64, 1, (16, 4))],
)
def test_the_cores_are_shared_alike_and_nobody_has_none(monkeypatch, cores, at_once, expected):
    monkeypatch.setattr(tree_runs, "cores", lambda: cores)
    share = Share.of_cores(at_once)
    assert (share.workers, share.threads) == expected


def test_a_tree_goes_before_all_other_source_and_has_a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{source_root()}{os.pathsep}helpers")
    monkeypatch.setenv("BENCH_DATA_DIR", "data")
    monkeypatch.setenv("GIT_DIR", "of a hook")
    made = tree_run("base", tmp_path, tmp_path / "source").environment()
    # The tree is another folder to stand in: what was relative to this one must still be found.
    assert made["PYTHONPATH"].split(os.pathsep) == [
        str(tmp_path / "source"),
        str(source_root()),
        os.path.abspath("helpers"),
    ]
    assert made["BENCH_DATA_DIR"] == os.path.abspath("data")
    assert made["BENCH_CACHE"] == str(tmp_path / "base" / ".cache")
    assert "GIT_DIR" not in made


def test_data_are_shared_teachers_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "users"))
    run = tree_run("base", tmp_path)
    run.prepare()
    run.prepare()  # once more, as when a command goes on
    (tmp_path / "users" / "data" / "file").write_text("")
    assert (run.cache / "data" / "file").exists()
    assert run.records() == []
    assert [path.name for path in run.cache.iterdir()] == ["data"]


def test_a_tree_that_is_not_what_python_takes_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(BenchError, match="base would not run its own source"):
        tree_run("base", tmp_path, tmp_path / "source").check_source()


FAKE = """
import sys
words = sys.argv[1:]
if "--help" in words: print("--workers")
elif "--dry-run" in words: print("3 cells on here: 1 done, 1 failed, {missing} missing; 2 to run, 0 skipped")
else:
    print("hello from", *words)
    sys.exit({code})
"""


def fake(tmp_path: Path, code: int, missing: int) -> TreeRun:
    """A tree whose `run` does nothing, and ends with this code."""
    source = tmp_path / "fake"
    for part in ("bench", "methods", "tasks"):
        (source / part).mkdir(parents=True)
        (source / part / "__init__.py").write_text("")
    (source / "bench" / "__main__.py").write_text(FAKE.format(code=code, missing=missing))
    return tree_run("base", tmp_path, source)


@pytest.mark.parametrize(("code", "missing", "passes"), [(0, 0, True), (1, 0, True), (1, 1, False), (2, 0, False)])
def test_cells_that_fail_are_a_result_and_cells_that_were_not_run_are_an_error(tmp_path, code, missing, passes):
    lines: list[str] = []
    run = fake(tmp_path, code, missing)
    run.prepare()
    if passes:
        run_all([order(run, 0, 1)], Share.of_cores(1), lines.append)
    else:
        with pytest.raises(BenchError) as error:
            run_all([order(run, 0, 1)], Share.of_cores(1), lines.append)
        said = f"base, the source of base, cannot be run: `-m bench run 0 1` ended with exit code {code}"
        assert said in str(error.value)
        assert "\n  hello from run 0 1 --workers" in str(error.value)
    assert lines[0].startswith("base: hello from run 0 1 --workers")


def test_an_older_tree_is_not_asked_for_options_that_it_does_not_have(tmp_path):
    lines: list[str] = []
    run = fake(tmp_path, 0, 0)
    main = run.tree.folder / "bench" / "__main__.py"
    main.write_text(main.read_text().replace('print("--workers")', 'print("--only")'))
    run_all([order(run, 0)], Share.of_cores(1), lines.append)
    assert lines == ["base: hello from run 0"]
