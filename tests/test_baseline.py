"""The reference set: whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import consistent, record

from bench import baseline
from bench.baseline import write_baseline
from bench.errors import StoreError
from bench.store import BASELINE, Store
from bench.validation.report import validate


def content(results: Path) -> dict[str, bytes]:
    """Every file of the baseline, hidden ones included."""
    root = results / BASELINE
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_records_lie_in_the_layout_of_the_store_and_no_board_sees_them(tmp_path):
    made = [consistent("kd", seed) for seed in (0, 1)]
    [written] = write_baseline(made, tmp_path)
    assert written.folder == tmp_path / BASELINE / "cpu-2c-8g" / "cifar100" / "fair"
    assert (written.records, written.before) == (tuple(made), 0)
    assert [each for _, each in Store(tmp_path / BASELINE).records()] == made
    assert written.bytes == sum(map(len, content(tmp_path).values()))
    assert Store(tmp_path).paths() == []


def test_a_set_replaces_that_of_its_machine_task_and_protocol_and_no_other(tmp_path):
    write_baseline([consistent("kd", 0), consistent("pkd", 0), consistent("kd", machine="another")], tmp_path)
    [written] = write_baseline([consistent("kd", 1)], tmp_path)
    assert written.before == 2
    left = [(each.machine, each.cell.method.name, each.cell.seed) for _, each in Store(tmp_path / BASELINE).records()]
    assert left == [("another", "kd", 0), ("cpu-2c-8g", "kd", 1)]
    assert all(not path.name.startswith(".") for path in (tmp_path / BASELINE).iterdir())


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_what_goes_wrong_between_two_sets_leaves_everything_as_it_was(tmp_path, monkeypatch, error, at):
    write_baseline([consistent("kd", 0, machine="a"), consistent("kd", 0, machine="b")], tmp_path)
    before, renames, rename = content(tmp_path), [], Path.rename

    def failing(path: Path, target: Path) -> Path:
        renames.append(path)
        if len(renames) == at:
            raise error("planted")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    new = [consistent("kd", 1, machine=machine) for machine in ("a", "b")]
    with pytest.raises(StoreError if error is OSError else error):
        write_baseline([*new, consistent("kd", 1, machine="c")], tmp_path)
    assert content(tmp_path) == before


def test_a_set_that_was_not_there_is_gone_again_if_the_next_cannot_be_written(tmp_path, monkeypatch):
    replace = baseline._replace

    def failing(place: Path, new: Path, old: Path) -> None:
        replace(place, new, old)
        if "second" in place.parts:
            raise OSError("planted")

    monkeypatch.setattr(baseline, "_replace", failing)
    with pytest.raises(StoreError, match="cannot be written: planted"):
        write_baseline([consistent("kd", machine="first"), consistent("kd", machine="second")], tmp_path)
    assert content(tmp_path) == {}


def test_a_baseline_is_validated_with_the_records_and_is_no_second_copy_of_a_cell(tmp_path):
    made = consistent("kd")
    Store(tmp_path).write(made)
    write_baseline([made, consistent("kd", version=2)], tmp_path)
    paths = Store(tmp_path).paths() + Store(tmp_path / BASELINE).paths()
    report = validate(paths, tmp_path)
    assert (report.files, report.problems, report.notes) == (3, [], [])


def test_a_reference_that_was_moved_or_edited_is_a_problem(tmp_path):
    write_baseline([consistent("kd")], tmp_path)
    [path] = Store(tmp_path / BASELINE).paths()
    moved = path.rename(path.with_name("kd-s0-000000000000.json"))
    [problem] = validate([moved], tmp_path).problems
    assert (problem.file, problem.field) == (str(moved), "path")
    Store(tmp_path / BASELINE).write(record("kd", test=12.0))
    assert validate(Store(tmp_path / BASELINE).paths(), tmp_path).problems
