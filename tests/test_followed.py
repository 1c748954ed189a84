"""Processes that are followed."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench import followed
from bench.followed import Followed, end_all, ended_by_sigterm

WILLING = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WILLING}"


@pytest.fixture
def started(tmp_path: Path):
    """Starts Python code; gives the process and the lines that come from it."""
    processes = []

    def start(code: str) -> tuple[Followed, list[str]]:
        lines: list[str] = []
        processes.append(Followed([sys.executable, "-c", code], tmp_path, dict(os.environ), lines.append))
        return processes[-1], lines

    yield start
    for process in processes:
        process._kill()


def wait_for(condition) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")


def test_lines_are_passed_on_the_last_are_kept_and_the_code_is_told(started):
    code = "import sys\nfor i in range(30): print(i)\nprint('odd \\udcff', file=sys.stderr)\nsys.exit(7)"
    process, lines = started(code)
    wait_for(lambda: process.ended() is not None)
    assert process.ended() == 7
    assert lines[:30] == [str(i) for i in range(30)]
    assert len(process.last) == followed.LAST_LINES
    assert list(process.last) == lines[-followed.LAST_LINES :]


def test_one_that_is_interrupted_ends(started):
    process, lines = started(WILLING)
    wait_for(lambda: lines)
    end_all([process])
    assert process.ended() == -signal.SIGINT
    assert lines[-1] == "KeyboardInterrupt"


def test_one_that_does_not_end_is_killed(started, monkeypatch):
    monkeypatch.setattr(followed, "PATIENCE_SECONDS", 0.05)
    process, lines = started(STUBBORN)
    wait_for(lambda: lines)
    end_all([process])
    assert process.ended() == -signal.SIGKILL


def test_what_it_has_started_ends_with_it(started):
    code = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {STUBBORN!r}])\ntime.sleep(60)"
    process, lines = started(code)
    wait_for(lambda: lines)
    [child] = psutil.Process(process._process.pid).children()
    end_all([process])
    assert process.ended() == -signal.SIGINT
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_what_has_ended_is_left_alone(started):
    process, _ = started("pass")
    wait_for(lambda: process.ended() is not None)
    end_all([process])
    assert process.ended() == 0


def test_sigterm_is_an_interruption_for_as_long_as_it_is_wanted():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ended_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
