"""A worker process: runs the cells that come through a connection, until it closes or its parent ends."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import torch

from bench.errors import BenchError
from bench.executors.job import Job
from bench.executors.messages import Ready, Refused
from bench.executors.runner import Runner, Seat

FIRST_TO_GO = "1000"
"""Where memory runs out, the system ends the process with the highest value of this: never the one that gives work."""


def serve(connection: Connection, job: Job, seat: Seat) -> None:
    """What the process does."""
    # A group of its own: Ctrl-C is the parent's to handle, and what a plugin has started goes with the process.
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    # What has been imported stays; to look through it for garbage would take a part of a second at every cell.
    gc.freeze()
    os.environ.update(job.environment)
    os.chdir(job.folder)
    torch.set_num_threads(seat.threads)
    if torch.device(seat.device).index is not None:
        torch.cuda.set_device(seat.device)
    try:
        runner = Runner(job, seat.device, connection.send)
    except BenchError as error:
        connection.send(Refused(error))
        return
    connection.send(Ready())
    while True:
        try:
            ticket, last_try = connection.recv()
        except EOFError:
            return
        runner.run(ticket, last_try)
        sys.stdout.flush()


def _end_with_parent() -> None:
    """Ends this process and all that it has started when the parent is gone: nobody waits for it any more."""
    wait([multiprocessing.parent_process().sentinel])
    os.killpg(os.getpid(), signal.SIGKILL)
