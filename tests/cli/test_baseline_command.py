"""The command `baseline`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from records import changed, consistent, failure

from bench.cli import baseline
from bench.store import BASELINE, Store

SELECTION = ["--tasks", "cifar100", "--protocol", "fair"]


def write(folder: Path, *made) -> Path:
    for each in made:
        Store(folder).write(each)
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two cells of kd, one of another budget, and one that failed."""
    failed = failure("pkd", rules=consistent().cell.protocol)
    return write(tmp_path / "from", consistent("kd", 0), consistent("kd", 1), consistent("kd", budget=0.5), failed)


def test_the_finished_cells_of_a_folder_become_the_baseline(results, tmp_path, bench):
    to = tmp_path / "results"
    code, out, err = bench("baseline", *SELECTION, "--seeds", "0-4", "--from", results, "--results", to)
    assert (code, err) == (0, "")
    kept = [record for _, record in Store(to / BASELINE).records()]
    assert [(each.cell.method.name, each.cell.seed, each.cell.budget) for each in kept] == [("kd", 0, 1), ("kd", 1, 1)]
    size = sum(path.stat().st_size for path in Store(to / BASELINE).paths())
    assert out.splitlines() == [
        "left out, since they failed: 1 of 3 cells",
        f"{to}/baseline/cpu-2c-8g/cifar100/fair: cifar100 v1 · fair v1 · cpu-2c-8g: 2 records of commit cccccccccccc, "
        f"{size:,} bytes",
    ]
    code, out, _ = bench("baseline", *SELECTION, "--from", results, "--results", to)
    assert code == 0
    assert out.splitlines()[-1].endswith(", in the place of 2")
    assert len(Store(to / BASELINE).paths()) == 1


def test_a_changed_source_is_named_with_its_changes(tmp_path, bench):
    dirty = changed(consistent("kd"), provenance={"dirty": True})
    folder = write(tmp_path / "from", dirty, consistent("kd", 1))
    code, out, _ = bench("baseline", *SELECTION, "--seeds", "0,1", "--from", folder, "--results", tmp_path / "to")
    assert code == 0
    assert "2 records of commit cccccccccccc, cccccccccccc with changes" in out


def test_nothing_to_take_is_an_error_and_leaves_the_baseline(results, tmp_path, bench):
    bench("baseline", *SELECTION, "--from", results, "--results", tmp_path / "to")
    code, out, err = bench("baseline", *SELECTION, "--seeds", "7", "--from", results, "--results", tmp_path / "to")
    assert (code, out) == (1, "")
    assert "holds no finished cell of cifar100 · fair · all at seeds 7" in err
    assert len(Store(tmp_path / "to" / BASELINE).paths()) == 1
    code, _, err = bench("baseline", *SELECTION, "--from", tmp_path / "absent", "--results", tmp_path / "to")
    assert code == 1
    assert "does not exist" in err


def test_a_cell_that_fails_leaves_the_baseline_as_it_was(results, tmp_path, bench, monkeypatch):
    bench("baseline", *SELECTION, "--from", results, "--results", tmp_path / "to")
    before = {path: path.read_bytes() for path in Store(tmp_path / "to" / BASELINE).paths()}

    def fake(orders, share, say) -> None:
        """What a run leaves whose second cell fails."""
        [order] = orders
        write(order.run.results, consistent("kd", 0), failure("sp", 0))

    monkeypatch.setattr("bench.tree_runs.run_all", fake)
    code, out, err = bench("baseline", *SELECTION, "--results", tmp_path / "to")
    assert (code, out) == (1, "")
    assert "1 of 2 cells failed (sp at seed 0)" in err
    assert {path: path.read_bytes() for path in Store(tmp_path / "to" / BASELINE).paths()} == before


def test_new_records_are_run_with_the_source_here_and_are_valid(finished, tmp_path, bench, monkeypatch):
    ran = []

    def fake(orders, share, say) -> None:
        """Gives the records of a real run."""
        [order] = orders
        ran.append(order.words(order.seeds))
        shutil.copytree(finished, order.run.results, dirs_exist_ok=True)

    monkeypatch.setattr("bench.tree_runs.run_all", fake)
    code, out, err = bench("baseline", "--methods", "scratch,kd", "--results", tmp_path / "results")
    assert code == 0, err
    assert ran[0][: ran[0].index("--results")] == [
        *("run", "--methods", "scratch,kd", "--tasks", "digits", "--protocol", "smoke"),
        *("--device", "cpu", "--seeds", "0"),
    ]
    assert "digits v1 · smoke v1" in out
    assert bench("validate", "--results", tmp_path / "results")[:2] == (0, "2 records are valid\n")
    # The names that the store gives lie one folder deeper, and are still checked.
    [path, _] = Store(tmp_path / "results" / BASELINE).paths()
    content = json.loads(path.read_text())
    content["cost"]["steps"] += 1
    path.write_text(json.dumps(content))
    code, out, _ = bench("validate", "--results", tmp_path / "results")
    assert code == 1
    assert f"{path}: cost.steps: " in out


def test_wrong_names_are_told_before_anything_runs(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(baseline, "new_records", lambda given: pytest.fail("it ran"))
    code, _, err = bench("baseline", "--methods", "kdd", "--results", tmp_path)
    assert code == 2
    assert "unknown method 'kdd'" in err
    assert list(tmp_path.iterdir()) == []
