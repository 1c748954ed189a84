"""What runs inside a SLURM job: cells, by worker processes as on one machine, until the job is taken away."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from bench.engine.place import place_here
from bench.errors import BenchError, UsageError
from bench.executors.job import Job
from bench.executors.local import Local
from bench.executors.outcome import Outcome
from bench.executors.seats import seats
from bench.executors.slurm.submission import FILE, Submission, error_path, tickets_of
from bench.executors.worker_process import WorkerProcess, warm_up
from bench.runs import RunFile
from bench.store import Store, write_whole
from bench.tally import Tally

A_MOMENT_SECONDS = 1.0
"""Longer than SLURM takes from the first process of a job to the last when it sends them all a signal."""


class TakenAwayError(BaseException):
    """SLURM wants the job back. Raised in the middle of anything, as Ctrl-C is: no failure of a cell."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True)
class Share:
    """One job of an array, for submitit to pickle: its cells first, then what the other jobs have not begun.

    It holds no state: records and checkpoints do, so that it is the same whenever it is started again.
    """

    folder: Path
    """Of the submission."""
    job: Job
    device: str
    cpus: int | None
    """None: as many as SLURM says."""
    timeout: float | None
    number: int
    of: int

    def __call__(self) -> None:
        """Runs cells until there are none. On SIGTERM it ends; on submitit's USR2 it is put back into the queue."""
        requeue = signal.getsignal(signal.SIGUSR2)
        # Every process of a job gets the signal. Those that run cells inherit that they ignore it.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        warm_up()
        try:
            for number in (signal.SIGTERM, signal.SIGUSR2):
                signal.signal(number, _taken_away)
            self._run_told()
        except TakenAwayError as away:
            print(f"{away}: the cells that ran go on from their last evaluations, in this job or another", flush=True)
            if away.number == signal.SIGUSR2:
                requeue(signal.SIGUSR2, None)
            sys.exit(1)

    def checkpoint(self):
        """What submitit puts back into the queue."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _run_told(self) -> None:
        """Runs; an error that ends the job is left where the command that follows it, and people, see it."""
        error = error_path(self.folder, self.number)
        error.unlink(missing_ok=True)
        try:
            self._run()
        except Exception as raised:
            text = str(raised) if isinstance(raised, BenchError) else traceback.format_exc().strip()
            write_whole(error, f"job {job_id()} on {socket.gethostname()} ended: {text}\n")
            raise

    def _run(self) -> None:
        os.chdir(self.job.folder)
        here = place_here(self.device)
        if here.machine != self.job.machine:
            raise UsageError(
                f"{here.device} of {socket.gethostname()} is {here.machine}, but the plan was made for "
                f"{self.job.machine}: records of different hardware do not mix. Name nodes of one kind, "
                "e.g. with --slurm constraint=…"
            )
        cpus = self.cpus or int(os.environ.get("SLURM_CPUS_ON_NODE", here.cores))
        places = seats(replace(here, cores=cpus), None if here.gpus else 1)
        tickets = tickets_of(self.folder)
        begin, end = (len(tickets) * number // self.of for number in (self.number, self.number + 1))
        store, submission = Store(self.job.results), Submission.model_validate_json((self.folder / FILE).read_bytes())
        tally = Tally([ticket.row for ticket in tickets], {}, len(places))
        watcher = Told(tally)
        with RunFile(store, tally, submission.command, job_id()):
            for some in (tickets[begin:end], tickets[end:] + tickets[:begin]):
                left = {cell.key for cell in submission.open_cells(store)}
                some = [ticket for ticket in some if ticket.key in left]
                for outcome in InJob(self.job, places, watcher, self.timeout, wait_for_others=False).run(some):
                    tally.ended_with(outcome.ticket.row, outcome.record, outcome.elsewhere)
                    watcher.say(f"{outcome.record.status} {outcome.ticket.name}: {outcome.path}")


class InJob(Local):
    """The local executor, which a signal to the whole job reaches after it has reached a worker process."""

    def _died(self, worker: WorkerProcess) -> Iterator[Outcome]:
        time.sleep(A_MOMENT_SECONDS)  # if the job is being taken away, this is where it ends: no failure is stored
        yield from super()._died(worker)


class Told:
    """Follows a run for its file, and prints for the job's log."""

    def __init__(self, tally: Tally) -> None:
        self.began, self.stepped, self.left = tally.began, tally.stepped, tally.left

    def say(self, text: str) -> None:
        print(text, flush=True)


def job_id() -> str:
    """Of the job that this process runs in, as squeue shows it."""
    import submitit

    return submitit.JobEnvironment().job_id


def _taken_away(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)
    raise TakenAwayError(number)
