"""The files of runs: what is told of those that live, and what is left of those that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.runs import FOLDER, RunFile, claim, clear_ended, runs, unreadable
from bench.store import Store
from bench.tally import Tally

ALIVE = """
import sys
from pathlib import Path
from bench.runs import clear_ended, runs
from bench.store import Store
store = Store(Path(sys.argv[1]))
clear_ended(store)
print(*[alive for _, alive in runs(store)])
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


def written(store: Store) -> None:
    """Waits until a run has said something of itself, as it does within a moment."""
    end = time.monotonic() + 30
    while not runs(store):
        assert time.monotonic() < end
        time.sleep(0.005)


def seen_from_elsewhere(store: Store) -> str:
    """Whether each run lives, by another process, which removes the files of those that do not."""
    command = [sys.executable, "-c", ALIVE, str(store.root)]
    return subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_run_that_looks_at_runs_lives_for_itself_and_for_others(store: Store) -> None:
    with RunFile(store, Tally(["kd"], {}, seats=1)):
        written(store)
        [(report, alive)] = runs(store)
        assert (report.process, report.cells, alive) == (os.getpid(), 1, True)
        clear_ended(store)
        assert seen_from_elsewhere(store) == "True"
    assert not runs(store)


def test_another_run_of_the_same_process_does_not_end_the_first(store: Store) -> None:
    with RunFile(store, Tally([], {}, seats=1)):
        written(store)
        with RunFile(store, Tally([], {}, seats=1)):
            assert "True" in seen_from_elsewhere(store)
        assert seen_from_elsewhere(store) == "True"


@pytest.mark.parametrize("content", [b"", b'{"run": "node-1', b"\xff\xfe", b"[]", b'{"run": "of another version"}'])
def test_a_file_that_cannot_be_read_is_left_out_and_named(store: Store, content: bytes) -> None:
    with RunFile(store, Tally([], {}, seats=1)):
        written(store)
        torn = store.root / FOLDER / "node-17-4.json"
        torn.write_bytes(content)
        assert [report.process for report, _ in runs(store)] == [os.getpid()]
        assert unreadable(store) == [torn]
        clear_ended(store)
        assert not torn.exists()
        assert unreadable(store) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=200))
def test_no_content_of_a_file_breaks_the_others(store: Store, content: bytes) -> None:
    torn = store.root / FOLDER / "node-17-4.json"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(content)
    assert runs(store) == []
    assert unreadable(store) == [torn]


def test_a_file_that_is_being_written_stays_and_one_that_a_killed_run_left_goes(store: Store) -> None:
    folder = store.root / FOLDER
    folder.mkdir(parents=True)
    unfinished, left, kept = folder / ".token-17.x1y2", folder / "token-16", folder / "token-18"
    for path in (unfinished, left, kept):
        path.write_text("")
    store.claims.take(claim("token-18"))
    clear_ended(store)
    assert (unfinished.exists(), left.exists(), kept.exists()) == (True, False, True)
