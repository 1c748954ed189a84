"""A disk that is full or read-only, a file that was cut: it is said, and nothing that was there is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from disks import disk, files, filled, no_file_grows, read_only
from readers import READERS, board
from records import consistent, failure, protocol, record
from toy import FAIR, Toy

from bench.board.entries import BoardRecord
from bench.cli.main import main
from bench.engine.teachers import cached_teacher, read_header
from bench.engine.workbench import Workbench
from bench.errors import BenchError, StoreError, TeacherError
from bench.page import report
from bench.page.report import write_report
from bench.store import Store, read
from bench.validation.report import validate
from methods.scratch import Scratch

RULES = protocol(target_seeds=1)
Break = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture(params=["full", "short"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Break, str]:
    """A folder, what breaks its disk, and what the system says then."""
    if request.param == "short":
        return tmp_path, lambda folder: no_file_grows(), "File too large"
    return disk(request, tmp_path / "disk", "1m"), filled, "No space left on device"


@pytest.fixture(autouse=True)
def small_page(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Plotly's script alone would fill the small disks."""
    script = tmp_path_factory.mktemp("plotly") / "plotly.min.js"
    script.write_text("// plotly")
    monkeypatch.setattr(report, "_plotly", lambda: script)


def write_board(folder: Path) -> None:
    board(folder / "results").write()


def write_page(folder: Path) -> None:
    write_report(Store(folder / "results").records(BoardRecord), folder / "results", folder / "report")


def export(folder: Path) -> None:
    assert main(["export", "--results", str(folder / "results"), "--output", str(folder / "table.csv")]) == 0


def filled_folder(folder: Path) -> Path:
    """A folder with records, their board, figures, targets, page and table."""
    for each in (record("pkd", rules=RULES), record("kd", rules=RULES), failure("at", rules=RULES)):
        Store(folder / "results").write(each)
    write_board(folder)
    write_page(folder)
    export(folder)
    return folder


def test_a_record_is_not_half_written(place):
    folder, broken, said = place
    before = files(filled_folder(folder))
    for new in (record("pkd", 1, rules=RULES), record("at", rules=RULES), record("kd", rules=RULES, test=60.0)):
        with broken(folder), pytest.raises(StoreError) as raised:
            Store(folder / "results").write(new)
        assert str(folder / "results" / new.machine) in str(raised.value)
        assert new.key[:12] in str(raised.value)
        assert said in str(raised.value)
    assert files(folder) == before
    assert Store(folder / "results").write(new).exists()  # there is room again


@pytest.mark.parametrize("kind", ["targets", "figures", "LEADERBOARD.md"])
def test_the_board_its_figures_and_targets_are_not_half_written(place, kind):
    folder, broken, said = place
    filled_folder(folder)
    Store(folder / "results").write(record("pkd", 1, rules=RULES))
    page = board(folder / "results")
    # The first file that cannot be written ends it.
    if kind != "targets":
        page = replace(page, targets={})
    if kind == "LEADERBOARD.md":
        page = replace(page, plots={})
    before = files(folder)
    with broken(folder), pytest.raises(StoreError) as raised:
        page.write()
    assert kind in str(raised.value)
    assert said in str(raised.value)
    assert files(folder) == before
    write_board(folder)
    assert board(folder / "results").differences() == ""


def test_the_old_page_stays(place):
    folder, broken, said = place
    before = files(filled_folder(folder))
    with broken(folder), pytest.raises(StoreError) as raised:
        write_page(folder)
    assert str(raised.value).startswith(f"report {folder / 'report'} cannot be written: ")
    assert str(raised.value).count(said) == 1
    assert files(folder) == before


def test_the_old_table_stays(place, capsys):
    folder, broken, said = place
    before = files(filled_folder(folder))
    with broken(folder):
        code = main(["export", "--results", str(folder / "results"), "--output", str(folder / "table.csv")])
    assert code == 1
    assert f"error: {folder / 'table.csv'} cannot be written: {said}" in capsys.readouterr().err
    assert files(folder) == before


def test_a_teacher_is_not_half_written_and_those_that_are_there_stay(place, monkeypatch, capsys):
    folder, broken, _ = place
    monkeypatch.setenv("BENCH_CACHE", str(folder))

    def teacher(network: str):
        bench = Workbench(Toy(), FAIR, None, torch.device("cpu"), "float32")
        return cached_teacher(bench, network, Scratch(), lambda line: None, lambda done, total: None)[0]

    first = teacher("wide")
    before = files(folder)
    with broken(folder), pytest.raises(TeacherError, match=r"toy-deep-.*safetensors cannot be kept.*BENCH_CACHE"):
        teacher("deep")
    assert [path for path in files(folder) if path.suffix == ".safetensors" or path.name.startswith(".")] == [
        first.path
    ]
    assert files(folder)[first.path] == before[first.path]
    assert read_header(first.path) == first
    with broken(folder):
        assert main(["teachers", "export", first.path.stem, str(folder / "copy.safetensors")]) == 1
    assert f"{folder / 'copy.safetensors'} cannot be written" in capsys.readouterr().err
    assert not [path for path in files(folder) if "copy" in path.name]
    assert teacher("deep").path.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_standard_output_is_said_in_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "list", "methods"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.fixture
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder with everything in it that is read-only while the test runs, and a run that its board does not show."""
    folder = disk(request, tmp_path / "disk", "4m") if os.geteuid() == 0 else tmp_path
    filled_folder(folder)
    Store(folder / "results").write(record("pkd", 1, rules=RULES))
    with read_only(folder):
        yield folder


def test_what_is_read_only_can_be_read(locked):
    for name, read_all in READERS.items():
        assert read_all(locked / "results") is not None or name in ("page", "show")


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (lambda folder: Store(folder / "results").write(record(rules=RULES, seed=9)), "results"),
        (write_board, "results/targets"),
        (write_page, "report"),
        (export, ""),
    ],
)
def test_what_is_read_only_is_named_and_stays(locked, write, named, capsys):
    before = files(locked)
    with pytest.raises((BenchError, AssertionError)) as raised:
        write(locked)
    said = str(raised.value) if isinstance(raised.value, BenchError) else capsys.readouterr().err
    assert str(locked / named) in said
    assert "Read-only file system" in said or "Permission denied" in said
    assert files(locked) == before


def test_a_figure_that_is_left_over_on_a_read_only_disk_is_named(locked):
    page = board(locked / "results")
    page = replace(page, targets={}, plots={}, text=(locked / "LEADERBOARD.md").read_text())
    [figure] = page.left_over()
    with pytest.raises(StoreError, match=rf"{figure} cannot be removed: "):
        page.write()
    assert figure.exists()


def test_a_record_that_was_cut_is_named_and_the_others_are_untouched(tmp_path):
    store = Store(tmp_path / "results")
    paths = [store.write(each) for each in (consistent(), consistent(seed=1), failure("at"))]
    content = paths[1].read_bytes()
    for length in range(0, len(content) - 1, len(content) // 60):
        paths[1].write_bytes(content[:length])
        before = files(tmp_path)
        with pytest.raises(StoreError) as raised:
            board(store.root)
        assert str(paths[1]) in str(raised.value)
        assert "Move it away, or restore it." in str(raised.value)
        found = validate(store.paths(), store.root)
        assert (found.files, {each.file for each in found.problems}) == (3, {str(paths[1])})
        assert files(tmp_path) == before
    assert [read(path).key for path in (paths[0], paths[2])] == [consistent().key, failure("at").key]
    paths[1].unlink()
    board(store.root)
    assert validate(store.paths(), store.root).problems == []
