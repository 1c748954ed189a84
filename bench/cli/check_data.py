"""Reads the data of all tasks of a run before anything is trained: what is broken is told at once, not after hours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.errors import BenchError
from bench.task import Task


def check_data(tasks: Iterable[Task], data_dir: Path | None, timeout: float | None, say: Callable[[str], None]) -> None:
    """If there are several tasks, raises what the user can mend: no data, wrong data.

    A task that raises anything else, or is not ready after `timeout` seconds, is said: its own cells fail, no others.
    """
    named = {task.name: task for task in tasks}
    if len(named) < 2:
        return
    say(f"reading the data of {len(named)} tasks")
    for task in named.values():
        raised: list[Exception] = []
        # Nothing else ends a plugin that sleeps for ever: its thread goes with the process.
        reading = threading.Thread(target=_read, args=(task, data_dir, raised), daemon=True)
        reading.start()
        reading.join(timeout)
        if reading.is_alive():
            say(f"the data of {task.name} are not there after {timeout:g} seconds: its cells will fail")
        for error in raised:
            if isinstance(error, BenchError):
                raise error
            say(f"the data of {task.name} cannot be read ({type(error).__name__}: {error}): its cells will fail")


def _read(task: Task, data_dir: Path | None, raised: list[Exception]) -> None:
    try:
        task.load(data_dir)
    except Exception as error:  # a plugin's, of any kind
        raised.append(error)
