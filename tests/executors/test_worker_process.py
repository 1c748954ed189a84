"""Worker processes start although the process that they are forked from was killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest

from bench.errors import ExecutorError
from bench.executors import worker_process
from bench.executors.worker_process import warm_up

HOUSE = Path(__file__).parents[2]


def kill_forkserver() -> None:
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)


def test_a_cell_is_run_though_what_processes_are_forked_from_was_killed_before(run, ticket):
    warm_up()
    kill_forkserver()
    assert [outcome.record.status for outcome in run([ticket("scratch")])] == ["ok"]


def test_a_cell_goes_on_when_what_its_process_was_forked_from_is_killed(run, ticket, heard, monkeypatch, tmp_path):
    def stepped(seat: str, done: int, total: int) -> None:
        if done == 6 and not heard.said:  # the cell goes no further until it is told to
            kill_forkserver()

    def say(text: str) -> None:
        heard.said.append(text)
        (tmp_path / "go on").touch()

    monkeypatch.setattr(heard, "stepped", stepped)
    monkeypatch.setattr(heard, "say", say)
    cell = ticket(how="wait")
    assert [outcome.record.status for outcome in run([cell])] == ["ok"]
    assert f"{cell.name} was ended (exit code 255): it is tried once more, alone" in heard.said


def test_where_no_process_can_be_started_that_is_said(run, ticket, monkeypatch):
    def killed(*arguments: object) -> None:
        raise EOFError("unexpected EOF")

    monkeypatch.setattr(worker_process.CONTEXT.Process, "start", killed)
    with pytest.raises(ExecutorError, match=r"no worker process can be started: .* was killed 5 times\. .*--workers 0"):
        run([ticket("scratch")])


def test_a_folder_of_temporary_files_whose_path_is_too_long_for_a_socket_is_said(tmp_path):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    command = [sys.executable, "-c", "from bench.executors.worker_process import warm_up; warm_up()"]
    ran = subprocess.run(command, env=os.environ | {"TMPDIR": str(folder)}, cwd=HOUSE, capture_output=True, text=True)
    assert re.search(r"ExecutorError: no worker process .* made in /.*long \(.*too long\)\. Set TMPDIR", ran.stderr)
