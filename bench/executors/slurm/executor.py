"""The SLURM executor: submits an array of jobs that share the cells, and follows their records and the queue."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.errors import BenchError
from bench.executors.bookkeeper import Bookkeeper
from bench.executors.job import Job, Ticket
from bench.executors.log import last_lines
from bench.executors.outcome import Outcome, Watcher
from bench.executors.slurm.cluster import Cluster, QueuedJob, QueueError, Resources, SlurmCluster
from bench.executors.slurm.job import Share
from bench.executors.slurm.place import LATE_SECONDS
from bench.executors.slurm.submission import (
    CLAIM,
    Submission,
    SubmittedCell,
    clear,
    errors,
    live,
    marked,
    new_submission,
    submissions,
)
from bench.runs import runs
from bench.store import Store

LOOK_AGAIN_SECONDS = 3.0
MOST_JOBS = 8
"""How many run side by side where the user does not say."""


class Slurm:
    """Runs cells in jobs. They go on when this process ends; run again, it follows those that are there."""

    def __init__(
        self,
        job: Job,
        device: str,
        resources: Resources,
        watcher: Watcher,
        jobs: int = MOST_JOBS,
        timeout: float | None = None,
        cluster: Cluster | None = None,
        late: float = LATE_SECONDS,
    ) -> None:
        """The paths of the job are absolute, and shared with the nodes. jobs: how many run side by side, at most.

        late: seconds that a record may take to be seen here.
        """
        self.job = job
        self.device = device
        self.resources = resources
        self.watcher = watcher
        self.jobs = jobs
        self.timeout = timeout
        self.cluster = cluster or SlurmCluster()
        self.late = late
        self.store = Store(job.results)
        self._books = Bookkeeper(job)
        self._followed: list[Submission] = []
        """Those that have the cells."""
        self._awaited: dict[str, list[SubmittedCell]] = {}
        """By the name of a submission: the cells that are its to make. Another one may have them too, from before."""
        self._running: dict[str, str] = {}
        """What the jobs' seats have now."""
        self._said: set[str] = set()

    def run(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """Yields each cell as its record is seen. Ends when all are, or when no job is left that could make the others.

        Left or interrupted, it leaves the jobs as they are.
        """
        try:
            self._submit(tickets)
            yield from self._follow({ticket.key: ticket for ticket in tickets}, self._followed)
        except BaseException:
            if self._followed:
                names = " ".join(each.job for each in self._followed)
                self.watcher.say(f"the jobs go on: `python -m bench status` tells of them, `scancel {names}` ends them")
            raise

    def _submit(self, tickets: Sequence[Ticket]) -> None:
        """Submits what no job in the queue has yet, and notes the submissions that have the cells."""
        self.store.root.mkdir(parents=True, exist_ok=True)
        with self.store.claims.held(CLAIM):
            before = submissions(self.store)
            living = live(before, self.cluster.queue([each.name for each in before]))
            names = {each.name for each in living}
            clear(self.store, [each for each in before if each.name not in names])
            same = [each for each in living if each.machine == self.job.machine]
            held = {cell.key: (each, cell) for each in same for cell in self._held(each)}
            for ticket in tickets:
                if ticket.key in held:
                    submission, cell = held[ticket.key]
                    self._awaited.setdefault(submission.name, []).append(cell)
            self._followed = [each for each in same if each.name in self._awaited]
            for each in self._followed:
                has = f"has {len(self._awaited[each.name])} of the cells"
                self.watcher.say(f"job {each.job}, submitted {each.submitted}, {has}: it is followed")
            new = [ticket for ticket in tickets if ticket.key not in held]
            if new:
                self._submit_new(new)

    def _held(self, submission: Submission) -> list[SubmittedCell]:
        """The cells that a living submission is to make, or has made: asked for again, they are not run again."""
        return [
            cell
            for cell, now in marked(self.store, submission.cells)
            if now == cell.mark or (now[0] not in (0, cell.mark[0]) and not now[1])
        ]

    def _submit_new(self, tickets: list[Ticket]) -> None:
        made = new_submission(
            self.store,
            self.job.machine,
            [
                SubmittedCell(key=ticket.key, path=f"{self.job.machine}/{ticket.path}", mark=ticket.mark)
                for ticket in tickets
            ],
            tickets,
        )
        folder = made.folder(self.store)
        count = min(len(tickets), self.jobs)
        shares = [
            Share(folder, self.job, self.device, self.resources.cpus, self.timeout, number, count)
            for number in range(count)
        ]
        try:
            ids = self.cluster.submit(made.name, folder, self.resources, shares)
        except BenchError:
            shutil.rmtree(folder)
            raise
        made = made.model_copy(update={"ids": ids})
        self._followed.append(made)
        self._awaited[made.name] = made.cells
        made.write(self.store)
        self.watcher.say(
            f"submitted {len(tickets)} cells as job {made.job}: {count} jobs that share them, {self.resources}; "
            f"log folder {folder}"
        )

    def _follow(self, waiting: dict[str, Ticket], followed: list[Submission]) -> Iterator[Outcome]:
        over_since = None
        while True:
            # The queue first: what a job that has left it has made is there by then.
            queue = self._queue(followed)
            for submission in followed:
                yield from self._ended(submission, waiting)
            self._say_errors(followed)
            self._look_inside(followed)
            if not waiting:
                return
            over_since = None if queue != [] else over_since or time.monotonic()
            if over_since and time.monotonic() - over_since >= self.late:
                self._say_lost(list(waiting.values()), followed)
                return
            time.sleep(LOOK_AGAIN_SECONDS)

    def _ended(self, submission: Submission, waiting: dict[str, Ticket]) -> Iterator[Outcome]:
        """Those of the waiting cells that have left a record; they wait no more."""
        awaited = [cell for cell in self._awaited[submission.name] if cell.key in waiting]
        for cell, now in marked(self.store, awaited):
            if now != cell.mark:
                # What was there before is the submission's to say: an earlier command may have made it.
                outcome = self._books.found(replace(waiting[cell.key], mark=cell.mark))
                if outcome:
                    yield replace(outcome, ticket=waiting.pop(cell.key), elsewhere=False)

    def _queue(self, followed: list[Submission]) -> list[QueuedJob] | None:
        """The jobs that wait or run; None: SLURM does not tell, and nothing follows from that."""
        try:
            queue = self.cluster.queue([each.name for each in followed])
        except QueueError as error:
            self._say_once(f"the queue is not known: {error}; records are looked for all the same")
            return None
        waiting = [job for job in queue if job.state == "PENDING"]
        if waiting:
            reasons = ", ".join(sorted({job.reason for job in waiting}))
            self._say_once(f"{len(queue) - len(waiting)} jobs run, {len(waiting)} wait in the queue ({reasons})")
        return queue

    def _say_errors(self, followed: list[Submission]) -> None:
        for submission in followed:
            for text in errors(submission.folder(self.store)):
                self._say_once(text)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.watcher.say(text)

    def _look_inside(self, followed: list[Submission]) -> None:
        """Tells the watcher what the jobs say of themselves."""
        ours = {job.partition("_")[0] for each in followed for job in each.ids}
        running = {
            f"{report.job} {cell.seat}": cell
            for report, alive in runs(self.store)
            if alive and report.job and report.job.partition("_")[0] in ours
            for cell in report.running
        }
        for seat in self._running.keys() - running.keys():
            self.watcher.left(seat)
        for seat, cell in running.items():
            if self._running.get(seat) != cell.name:
                self.watcher.began(seat, cell.name)
            self.watcher.stepped(seat, cell.step, cell.steps)
        self._running = {seat: cell.name for seat, cell in running.items()}

    def _say_lost(self, tickets: list[Ticket], followed: list[Submission]) -> None:
        """Names the cells that no job is left for, and shows how the last job ended."""
        named = ", ".join(ticket.name for ticket in tickets[:5]) + (", …" if len(tickets) > 5 else "")
        logs = [log for each in followed for log in each.folder(self.store).glob("*_log.err")]
        last = max(logs, key=lambda log: log.stat().st_mtime, default=None)
        self.watcher.say(f"no job is left in the queue, and {len(tickets)} cells have no record: {named}")
        if last and (end := last_lines(last)):
            self.watcher.say(f"the end of {last}:\n{end}")
