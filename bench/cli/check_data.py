"""Reads the data of all tasks of a run before anything is trained: what is broken is told at once, not after hours."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from bench.errors import BenchError
from bench.executors.job import Cells, Job, Ticket
from bench.executors.worker_process import CONTEXT


def check_data(
    job: Job, tickets: Sequence[Ticket], timeout: float | None, say: Callable[[str], None], here: bool = False
) -> None:
    """If there are several tasks, raises what the user can mend: no data, wrong data.

    A task that raises anything else, ends its process, or is not ready after `timeout` seconds is said: its own cells
    fail, no others. Each task has a process of its own, since a plugin may do anything; here: it is this one.
    """
    firsts = {ticket.task: ticket for ticket in reversed(tickets)}
    if len(firsts) < 2:
        return
    say(f"reading the data of {len(firsts)} tasks")
    for task, ticket in sorted(firsts.items()):
        if here:
            _tell(task, _wrong(job, ticket), say)
            continue
        connection, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=_read, args=(theirs, job, ticket), daemon=True)
        process.start()
        theirs.close()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            say(f"the data of {task} are not there after {timeout:g} seconds: its cells will fail")
        elif process.exitcode == 0:
            _tell(task, connection.recv(), say)
        else:
            say(f"reading the data of {task} ended its process ({process.exitcode}): its cells will fail")


def _tell(task: str, wrong: BenchError | str | None, say: Callable[[str], None]) -> None:
    if isinstance(wrong, BenchError):
        raise wrong
    if wrong:
        say(f"the data of {task} cannot be read ({wrong}): its cells will fail")


def _read(connection: Connection, job: Job, ticket: Ticket) -> None:
    os.environ.update(job.environment)
    os.chdir(job.folder)
    connection.send(_wrong(job, ticket))


def _wrong(job: Job, ticket: Ticket) -> BenchError | str | None:
    """What is wrong with the data of a task, if anything."""
    try:
        Cells(job).cell(ticket).task.load(job.data_dir)
    except BenchError as error:
        return error
    except (Exception, SystemExit) as error:  # a plugin's, of any kind
        return f"{type(error).__name__}: {error}"
    return None
