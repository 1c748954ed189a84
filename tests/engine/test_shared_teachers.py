"""A teacher that another process trains is waited for, and trained here only if that process ends before it has it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy import FAIR, Toy

from bench.engine.teachers import TeacherFile, cached_path, cached_teacher, teacher_identity, weights_digest
from bench.engine.workbench import Workbench
from bench.errors import TeacherError
from methods.scratch import Scratch

WAITS = "waiting for the teacher wide, which another process trains"


def teacher(
    say: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda done, total: None,
    waiting: Callable[[], None] = lambda: None,
) -> TeacherFile:
    bench = Workbench(Toy(), FAIR, None, torch.device("cpu"), "float32")
    return cached_teacher(bench, "wide", Scratch(), say, progress, waiting)[0]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def other(cache: Path) -> Iterator[int]:
    """Another process, which stands at step 6 of the teacher's training until there is a file `go on`."""

    def stand(done: int, total: int) -> None:
        if done == 6:
            (cache / "stands").touch()
            while not (cache / "go on").exists():
                time.sleep(0.01)

    process = os.fork()
    if not process:
        try:
            teacher(lambda line: None, stand)
        finally:
            os._exit(0)
    while not (cache / "stands").exists():
        time.sleep(0.01)
    yield process
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_a_teacher_that_another_process_trains_is_waited_for(cache: Path, other: int) -> None:
    said: list[str] = []
    made = teacher(said.append, waiting=(cache / "go on").touch)
    assert said == [WAITS]
    assert weights_digest(load_file(made.path)) == made.sha256


def test_whoever_waits_says_so_every_second(cache: Path, other: int) -> None:
    signs: list[float] = []

    def waiting() -> None:
        signs.append(time.monotonic())
        if len(signs) == 3:
            (cache / "go on").touch()

    said: list[str] = []
    teacher(said.append, waiting=waiting)
    assert len(signs) >= 3
    assert said == [WAITS]


def test_a_teacher_whose_process_is_killed_goes_on_in_the_one_that_waits(cache: Path, other: int) -> None:
    said: list[str] = []
    made = teacher(said.append, waiting=lambda: os.kill(other, signal.SIGKILL))
    assert said[:3] == [
        WAITS,
        "training the teacher wide (toy, fair)",
        "the teacher wide was interrupted: it goes on from step 6",
    ]
    made.path.unlink()
    assert teacher(said.append).sha256 == made.sha256
    assert said.count("training the teacher wide (toy, fair)") == 2


def test_what_a_process_left_that_was_killed_at_the_end_is_removed(cache: Path) -> None:
    made = teacher(lambda line: None)
    checkpoint = made.path.with_name(f".{made.path.name}.checkpoint")
    checkpoint.write_bytes(b"of the last evaluation")
    assert teacher(pytest.fail) == made
    assert not checkpoint.exists()


def test_a_cache_that_cannot_be_written_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(cache / "file"))
    with pytest.raises(TeacherError, match=r"file/teachers/.* cannot be kept: Not a directory\. Name .*BENCH_CACHE"):
        teacher(lambda line: None)


def test_a_cache_that_is_full_is_named(cache: Path) -> None:
    path = cached_path(teacher_identity(Toy(), "wide", FAIR, "float32"))
    path.parent.mkdir()
    path.with_name(f".{path.name}.unfinished").symlink_to("/dev/full")
    with pytest.raises(TeacherError, match=r"cannot be kept: No space left on device\. Name .* space with BENCH_CACHE"):
        teacher(lambda line: None)
    assert not path.exists()
