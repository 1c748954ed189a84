"""Files in the wrong place, cells that are there twice, and what is only said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from records import consistent, failure, protocol

from bench.board.leaderboard import leaderboard
from bench.store import Store
from bench.validation.report import validate


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def report(store: Store):
    return validate(store.paths(), store.root)


def test_many_records_of_one_store_have_no_problem_and_no_note(store):
    for machine in ("m1", "m2"):
        for method in ("kd", "pkd", "scratch"):
            for seed in (0, 1):
                store.write(consistent(method, seed, machine=machine))
    store.write(failure(seed=2, rules=protocol(evaluations=4)))
    found = report(store)
    assert (found.files, found.problems, found.notes) == (13, [], [])


@pytest.mark.parametrize("name", ["m1/cifar100/fair/resnet56-to-resnet20/kd-s1.json", "kd.json", "a/b/c/d/e/f/g.json"])
def test_a_file_that_was_moved_or_renamed_is_named_with_its_place(store, name):
    path = store.write(consistent())
    place = path.relative_to(store.root)
    moved = store.root / name
    moved.parent.mkdir(parents=True, exist_ok=True)
    path.rename(moved)
    (found,) = report(store).problems
    assert (found.file, found.field) == (str(moved), "path")
    assert found.problem == f"is {name}: expected {place}: it was moved or edited"


def test_a_success_under_the_name_of_a_failure_is_in_the_wrong_place(store):
    path = store.write(consistent())
    path.rename(str(path).replace(".json", ".failed.json"))
    assert [each.field for each in report(store).problems] == ["path"]


def test_a_file_of_another_results_folder_is_judged_by_its_own(store, tmp_path):
    path = store.write(consistent())
    assert validate([path], tmp_path / "elsewhere").problems == []
    stray = shutil.copy(path, tmp_path / "stray.json")
    (found,) = validate([Path(stray)], tmp_path / "elsewhere").problems
    assert "stray.json: expected cpu-2c-8g/cifar100/fair/resnet56-to-resnet20/kd-s0" in found.problem


def test_duplicate_cells_are_both_named(store):
    path = store.write(consistent())
    copy = path.with_name("z-copy.json")
    shutil.copy(path, copy)
    found = [each for each in report(store).problems if each.field == "key"]
    assert [each.file for each in found] == [str(copy)]
    assert str(path) in found[0].problem


def test_the_same_cell_on_two_machines_is_no_duplicate(store):
    store.write(consistent(machine="m1"))
    store.write(consistent(machine="m2"))
    assert report(store).problems == []


def test_a_failure_beside_a_success_is_said(store):
    done = store.write(consistent())
    failed = store.write(failure(rules=protocol(evaluations=4)))
    found = report(store)
    assert found.problems == []
    (note,) = found.notes
    assert str(done) in note
    assert str(failed) in note


def test_versions_and_contents_that_differ_are_said(store):
    for seed, changes in enumerate(({}, {}, {"task_version": 2}, {"version": 3})):
        store.write(consistent(seed=seed, **changes))
    other = protocol(evaluations=4, target_seeds=3)
    store.write(
        consistent().model_copy(update={"cell": consistent(seed=9).cell.model_copy(update={"protocol": other})})
    )
    assert report(store).notes == [
        "task cifar100: records of several versions (4 of version 1, 1 of version 2): "
        "never averaged, the board keeps them apart",
        "method kd: records of several versions (4 of version 1, 1 of version 3): "
        "never averaged, the board keeps them apart",
        "protocol fair of cifar100: 2 contents, unlike in target_seeds: never averaged, the board keeps them apart",
    ]


def test_a_stored_target_that_was_edited_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    for seed in range(5):
        store.write(consistent("pkd", seed))
    leaderboard(store.records(), store.root, tmp_path / "LEADERBOARD.md").write()
    assert validate(store.paths(), store.root).problems == []
    (target,) = (store.root / "targets").rglob("*.json")
    target.write_text(target.read_text().replace('"margin": 0.3', '"margin": 0.1'))
    (found,) = validate(store.paths(), store.root).problems
    assert (found.file, found.field) == (str(target), "target")
    assert "was changed after it was stored" in found.problem
