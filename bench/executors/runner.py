"""Tickets → records, one after the other in this process. What happens is told in messages."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from bench.cache import checkpoint_folder
from bench.cell import Cell
from bench.engine.export import StudentExport
from bench.engine.hardware import fingerprint
from bench.engine.worker import Worker
from bench.errors import BenchError, UnmadeTeacherError, UsageError
from bench.executors.job import Cells, Job, Ticket
from bench.executors.log import Log, log_path
from bench.executors.messages import (
    Began,
    Ended,
    LeftOut,
    Made,
    Message,
    OutOfMemory,
    Refused,
    Said,
    Stepped,
    Taken,
    Waits,
)
from bench.record import Record
from bench.store import Store, clear_unfinished, failed_name, state_of, unfinished

MOST_GROWTH = 2**30
"""Bytes by which a process may grow over what it held after its first cell of a task: beyond, something leaks."""


@dataclass(frozen=True)
class Seat:
    """Where a process runs its cells: a device, and so many threads of the processor."""

    name: str
    device: str
    threads: int


class Runner:
    """Runs the cells of a job on one device. Imports, data and teachers are loaded once."""

    def __init__(self, job: Job, device: str, tell: Callable[[Message], None]) -> None:
        """tell: gets every message. Raises UsageError if the hardware is not what the plan was made for."""
        self.job = job
        self.cells = Cells(job)
        # A plugin may change the working directory.
        self.store = Store(job.folder / job.results)
        self._tell = tell
        self._process = os.getpid()
        self._log: Log | None = None
        self._held: tuple[object, int] | None = None
        self._leftovers: dict[Path, list[Path]] = {}
        """By folder: what killed processes had left there when it was first seen."""
        found = torch.device(device)
        if fingerprint(found) != job.machine:
            raise UsageError(
                f"{device} of {socket.gethostname()} is {fingerprint(found)}, but the plan was made for {job.machine}: "
                "records of different hardware do not mix. Name the device, or nodes of one kind"
            )
        export = None
        if job.export:
            export = StudentExport(job.export, lambda: self.store.claims.held(str(job.export)), self._say)
        self.worker = Worker(
            device=found,
            data_dir=job.data_dir,
            plain=self.cells.plain,
            brought=self.cells.brought,
            skips=job.skips,
            export=export,
            say=self._say,
            begun=lambda: self.tell(Began()),
            progress=self._step,
            waiting=lambda: self.tell(Waits()),
            checkpoints=checkpoint_folder(job.results),
        )

    def tell(self, message: Message) -> None:
        """Passes a message on; a copy of this process that a plugin forked ends here, and does nothing twice."""
        if os.getpid() != self._process:
            os._exit(0)
        self._tell(message)

    def run(self, ticket: Ticket, last_try: bool, with_output: bool = True) -> None:
        """Runs a cell, unless another run has it or has made it. Its record is on disk before that is told.

        last_try: whether a cell that runs out of memory leaves its record. with_output: whether the log gets what is
        printed too.
        """
        os.chdir(self.job.folder)
        try:
            if not self.store.claims.take(ticket.key):
                self.tell(Taken())
                return
            try:
                cell = self.cells.cell(ticket)
                mark = self.store.mark(self.job.machine, cell)
                if mark != ticket.mark:
                    if state_of(mark) == "done":
                        self.worker.forget(cell)  # whoever made it may have been killed before it could
                    self.tell(Made())
                    return
                self._run(cell, last_try, with_output)
            finally:
                self.store.claims.release(ticket.key)
        except UnmadeTeacherError as error:
            self.tell(LeftOut(str(error)))
        except BenchError as error:
            self.tell(Refused(error))

    def _run(self, cell: Cell, last_try: bool, with_output: bool) -> None:
        record_path = self.store.path(self.job.machine, cell)
        if record_path.parent not in self._leftovers:
            self._leftovers[record_path.parent] = unfinished(record_path.parent)
        clear_unfinished(self._leftovers[record_path.parent], record_path.name, failed_name(record_path.name))
        self._log = Log(log_path(self.store.root, record_path))
        try:
            self._log.line(f"{cell} on {socket.gethostname()}, process {self._process}")
            if with_output:
                with self._log.with_output():
                    record = self.worker.run(cell)
            else:
                record = self.worker.run(cell)
            if os.getpid() != self._process:
                os._exit(0)  # a copy that a plugin forked: the record is the original's
            self._log.line(record.status if record.ok else f"{record.status}: {record.reason}")
            if record.status == "oom" and not last_try:
                self.tell(OutOfMemory())
                return
            path = self.store.write(record)
            if record.status != "oom":  # which may go on from it
                self.worker.forget(cell)
        finally:
            self._log.close()
            self._log = None
        exported = self.worker.export is None or not self.worker.export.failed
        self.tell(Ended(path, self._spent(cell, record), exported))

    def _spent(self, cell: Cell, record: Record) -> bool:
        """Whether this process should run no further cell."""
        if not record.ok:
            return True  # whatever went wrong may have left its traces: in the device, in memory, in torch's own state
        held = psutil.Process().memory_info().rss
        if self.worker.device.type == "cuda":
            held = max(held, torch.cuda.memory_allocated(self.worker.device))
        if self._held is None or self._held[0] != cell.task:
            self._held = (cell.task, held)
        return held - self._held[1] > MOST_GROWTH

    def _say(self, text: str) -> None:
        if self._log:
            self._log.line(text)
        self.tell(Said(text))

    def _step(self, done: int, total: int) -> None:
        if self._log:
            self._log.line(f"step {done} of {total}")
        self.tell(Stepped(done, total))
