"""The near side of worker processes: how they are started, given cells and ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from bench.errors import ExecutorError
from bench.executors.job import Job, Ticket
from bench.executors.messages import Message
from bench.executors.process import serve
from bench.executors.runner import Seat

CONTEXT = multiprocessing.get_context("forkserver")
FORKS = 5
"""How often the start of a process is tried."""


def warm_up() -> None:
    """Starts the process that worker processes are forked from: it imports torch once, while others do other work."""
    multiprocessing.set_forkserver_preload([serve.__module__])
    try:
        forkserver.ensure_running()
    except OSError as error:
        raise ExecutorError(
            f"no worker process can be started: their socket cannot be made in {tempfile.gettempdir()} ({error}). Set "
            "TMPDIR to a folder with a short path, at most 70 characters; --workers 0 runs the cells without further "
            "processes"
        ) from error


def forked(connection: Connection, job: Job, seat: Seat) -> ForkServerProcess:
    """A process that serves the connection. If the one that it is forked from was killed, a new one is started."""
    for _ in range(FORKS):
        process = CONTEXT.Process(target=serve, args=(connection, job, seat), daemon=True)
        try:
            process.start()
        except (EOFError, ConnectionError):
            time.sleep(0.1)  # a process that is killed is there for a moment more
        else:
            return process
    raise ExecutorError(
        f"no worker process can be started: the process that they are forked from was killed {FORKS} times. Memory may "
        "be short; --workers 0 runs the cells without further processes"
    )


class WorkerProcess:
    """This side of a worker process."""

    def __init__(self, job: Job, seat: Seat) -> None:
        self.seat = seat
        self.ticket: Ticket | None = None
        self.last_try = False
        self.ready = False
        """Whether the process has started."""
        self.given = 0
        """How many cells it has been given."""
        self.began = False
        """Whether the cell's own time has begun."""
        self.at = "before its first evaluation"
        self.deadline = float("inf")
        self.connection, theirs = CONTEXT.Pipe()
        self.process = forked(theirs, job, seat)
        theirs.close()

    def give(self, ticket: Ticket, last_try: bool) -> None:
        self.ticket, self.last_try, self.began = ticket, last_try, False
        self.given += 1
        self.at = "before its first evaluation"
        # A process that has just died is found by its sentinel.
        with suppress(OSError):
            self.connection.send((ticket, last_try))

    def messages(self) -> Iterator[Message]:
        """What it has told since."""
        with suppress(EOFError, OSError):
            while self.connection.poll():
                yield self.connection.recv()

    @property
    def ended(self) -> bool:
        return not self.process.is_alive()

    def kill(self) -> None:
        """Ends the process at once, and everything that it has started."""
        # One that died while it was idle may have done so long ago: its number may be another's by now.
        if self.ticket or not self.ended:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.connection.close()
