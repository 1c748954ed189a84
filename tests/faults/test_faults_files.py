"""What is no plain file in a results folder: it is named, never waited for, and never fills the memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from readers import READERS
from records import consistent

from bench.errors import StoreError
from bench.store import MOST_BYTES, Store, read
from bench.validation.report import validate


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_huge_file(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(2 * 2**30)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("absent"))


def another_file_of_the_machine(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    "make", [a_pipe, a_huge_file, a_device, a_loop, a_link_to_nothing, another_file_of_the_machine]
)
def test_what_is_no_file_of_a_record_is_named_and_never_waited_for(tmp_path, make):
    results = tmp_path / "results"
    Store(results).write(consistent())
    path = results / "x.json"
    make(path)
    for name, read_all in READERS.items():
        if name == "validate":
            assert [each.file for each in read_all(results).problems] == [str(path)]
            continue
        with pytest.raises(StoreError) as raised:
            read_all(results)
        assert str(path) in str(raised.value)
        assert "root:" not in str(raised.value)


def test_a_stored_target_that_is_a_pipe_is_named(tmp_path):
    (tmp_path / "targets").mkdir()
    os.mkfifo(tmp_path / "targets" / "pkd.v1.json")
    [problem] = validate([], tmp_path).problems
    assert problem.file == str(tmp_path / "targets" / "pkd.v1.json")
    assert "not a file" in problem.problem


def test_a_figure_that_is_a_pipe_is_drawn_anew_and_a_strange_one_left_alone(tmp_path):
    results = tmp_path / "results"
    Store(results).write(consistent())
    page = READERS["board"](results)
    for path in (page.figures / "strange.svg", *page.plots):
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
    assert page.left_over() == []
    assert not any(plot.is_drawn(path) for path, plot in page.plots.items())


def test_a_folder_with_the_name_of_a_record_is_a_folder(tmp_path):
    path = Store(tmp_path).write(consistent())
    (path.parent / "x.json").mkdir()
    assert Store(tmp_path).paths() == [path]


def test_a_file_just_too_large_is_refused_and_one_below_is_read(tmp_path):
    path = Store(tmp_path).write(consistent())
    text = consistent().to_json()
    path.write_text(text + " " * (MOST_BYTES - len(text)))
    assert read(path) == consistent()
    path.write_text(text + " " * (MOST_BYTES - len(text) + 1))
    with pytest.raises(StoreError, match=rf"{path} cannot be read: it has .* bytes, expected at most"):
        read(path)


def test_a_name_that_is_not_utf8_is_named(tmp_path):
    results = tmp_path / "results"
    path = Store(results).write(consistent())
    odd = os.fsencode(path.parent) + b"/\xff.json"
    os.rename(path, odd)
    with pytest.raises(StoreError, match="not UTF-8"):
        READERS["board"](results)
    assert validate(Store(results).paths(), results).problems


def test_a_folder_that_cannot_be_listed_is_said(tmp_path, monkeypatch):
    path = Store(tmp_path).write(consistent())
    scan = os.scandir

    def refuse(folder):
        if os.fspath(folder) == os.fspath(path.parent):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match=rf"{path.parent} cannot be read: Permission denied"):
        Store(tmp_path).paths()
