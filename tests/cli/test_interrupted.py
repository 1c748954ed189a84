"""Runs that are interrupted or killed as a whole, as a user would: in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.store import Store

HOUSE = Path(__file__).parents[2]
PLUGIN = HOUSE / "tests" / "executors" / "misbehaving.py"
METHODS = "scratch,bad"


@pytest.fixture
def command(tmp_path: Path):
    """Starts a run whose second cell waits for a file; gives the process and the results folder."""
    started: list[subprocess.Popen] = []

    def start(*options: str) -> subprocess.Popen:
        arguments = ["run", "--tasks", "mytoy", "--plugin", str(PLUGIN), "--methods", METHODS, "--set", "bad.how=wait"]
        arguments += ["--set", f"bad.where={tmp_path}", "--results", str(tmp_path / "results"), *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", *arguments],
            cwd=HOUSE,
            env=os.environ | {"PYTHONPATH": f"{HOUSE}:{HOUSE / 'tests'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def worker_that_waits(folder: Path) -> int:
    """The process in which the second cell has come to its middle."""
    for _ in range(6000):
        if (folder / "waits").exists() and (text := (folder / "waits").read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError("the cell did not begin")


def is_gone(process: int) -> bool:
    """Whether a process ends within seconds."""
    for _ in range(1000):
        if not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def finish(command, tmp_path: Path) -> str:
    """The same command again, to its end."""
    (tmp_path / "go on").write_text("")
    process = command()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert sorted(record.cell.method.name for _, record in Store(tmp_path / "results").records()) == ["bad", "scratch"]
    return out


def test_ctrl_c_ends_the_workers_and_the_same_command_goes_on(command, tmp_path):
    process = command()
    worker = worker_that_waits(tmp_path)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: 1 of 2 cells are finished and kept; give the same command again" in out
    assert is_gone(worker)
    assert "1 done" in finish(command, tmp_path)


def test_a_killed_run_takes_its_workers_along_and_the_same_command_goes_on(command, tmp_path, bench):
    process = command()
    worker = worker_that_waits(tmp_path)
    process.kill()
    assert is_gone(worker)
    code, out, _ = bench("status", "--results", tmp_path / "results")
    assert code == 0
    assert "ended without finishing" in out
    finish(command, tmp_path)
    assert not list((tmp_path / "results" / ".runs").iterdir())


def test_a_killed_worker_is_replaced(command, tmp_path):
    process = command()
    worker = worker_that_waits(tmp_path)
    (tmp_path / "waits").unlink()
    os.kill(worker, signal.SIGKILL)
    assert worker_that_waits(tmp_path) != worker
    (tmp_path / "go on").write_text("")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "tried once more, alone" in out


def test_status_tells_from_another_terminal_what_runs(command, tmp_path, bench):
    process = command()
    worker_that_waits(tmp_path)
    for _ in range(1000):
        code, out, _ = bench("status", "--results", tmp_path / "results", "--json")
        assert code == 0
        said = json.loads(out)
        if said["runs"][0]["ended"]:  # the file is written once a second
            break
        time.sleep(0.01)
    assert said["done"] == 1
    [run] = said["runs"]
    assert run["alive"]
    assert run["cells"] == 2
    assert run["process"] == process.pid
    assert run["running"][0]["name"].startswith("bad · mytoy")
    (tmp_path / "go on").write_text("")
    process.communicate(timeout=60)
    assert "nothing runs" in bench("status", "--results", tmp_path / "results")[1]
