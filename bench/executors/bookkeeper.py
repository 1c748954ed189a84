"""The records of cells that the process which gave them knows of: made by another run, or lost with their process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import torch

from bench.cache import checkpoint_folder, checkpoint_path
from bench.engine.ended import ended
from bench.errors import StoreError
from bench.executors.job import Cells, Job, Ticket
from bench.executors.log import Log, last_lines, log_path
from bench.executors.outcome import Outcome
from bench.executors.runner import Seat
from bench.store import Mark, Store, read


class Bookkeeper:
    """Reads and writes records of a job's tickets."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.store = Store(job.results)
        self._cells = Cells(job)

    def mark(self, ticket: Ticket) -> Mark:
        """What the cell has on disk now."""
        return self.store.mark(self.job.machine, self._cells.cell(ticket))

    def log(self, ticket: Ticket) -> Path:
        """Where the log of the cell is."""
        return log_path(self.store.root, self.store.path(self.job.machine, self._cells.cell(ticket)))

    def found(self, ticket: Ticket) -> Outcome | None:
        """The outcome of a cell that has changed on disk since the plan was made; None: it has not."""
        mark = self.mark(ticket)
        if mark == ticket.mark:
            return None
        done, failed = mark
        if not (done or failed):
            raise StoreError(
                f"the record of {ticket.name} has been removed since the run began: give the command again"
            )
        # Of two, the one that is new.
        cell = self._cells.cell(ticket)
        path = self.store.path(self.job.machine, cell, failed=not done or done == ticket.mark[0])
        return Outcome(ticket, read(path), path, elsewhere=True, exported=self.job.export is None)

    def lost(self, ticket: Ticket, seat: Seat, status: str, reason: str) -> Outcome | None:
        """Writes the failure of a cell whose process is gone, with the end of its log.

        None if another run has the cell in hand now; the outcome of one that has made it.
        """
        if not self.store.claims.take(ticket.key):
            return None
        try:
            if found := self.found(ticket):
                if found.record.ok:  # its process ended before it could do this
                    checkpoint_path(checkpoint_folder(self.job.results), ticket.key).unlink(missing_ok=True)
                return found
            cell = self._cells.cell(ticket)
            log = self.log(ticket)
            lines = last_lines(log)
            written = Log(log)
            written.line(f"{status}: {reason}")
            written.close()
            record = ended(
                cell,
                torch.device(seat.device),
                self._cells.brought,
                self.job.skips,
                datetime.now(UTC),
                status=status,
                reason=f"The end of {log.relative_to(self.store.root)}:\n{lines}\n{reason}" if lines else reason,
            )
            record = record.model_copy(update={"environment": record.environment | {"threads": seat.threads}})
            return Outcome(ticket, record, self.store.write(record), exported=self.job.export is None)
        finally:
            self.store.claims.release(ticket.key)
