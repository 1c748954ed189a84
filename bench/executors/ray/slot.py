"""What a Ray actor does: it runs cells, one after the other, in a process of its own machine, as the local executor."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import ray

from bench.cache import cache_folder
from bench.engine.place import Place, place_here
from bench.errors import BenchError, UsageError
from bench.executors.bookkeeper import Bookkeeper
from bench.executors.elsewhere import Token, check_paths
from bench.executors.job import Job, Ticket
from bench.executors.local import Local
from bench.executors.messages import Began, LeftOut, Refused, Said, Stepped, Taken
from bench.executors.outcome import Outcome
from bench.executors.seats import seats
from bench.executors.worker_process import warm_up


@dataclass(frozen=True)
class Returned:
    """The record of a cell."""

    record: str
    """JSON."""
    path: Path
    log: str
    """Of a slot that does not see the results folder: what the log says; the file is for the driver to write."""
    elsewhere: bool
    exported: bool


@dataclass(frozen=True)
class Orders:
    """What a slot must know before its first cell."""

    job: Job
    name: str
    """Of the folder, in the cache, of records until the driver has them: slots share its checkpoints and claims."""
    device: str
    timeout: float | None
    paths: tuple[Path, ...]
    """That must be there."""
    results: Token
    export: Token | None


@dataclass(frozen=True)
class Standing:
    """What the driver must know of a slot."""

    node: str
    """Ray's id of it."""
    host: str
    place: Place
    shared: bool = False
    """Whether it sees the results folder, and writes there itself."""


Last = Returned | Taken | LeftOut | Refused
"""The last message about a cell."""


class Slot:
    """The actor. It has the GPU, or the share of one, that Ray gave it, and so has the process that it starts."""

    def look(self, device: str) -> Standing | BenchError:
        """The hardware. device: as `place_here` takes it."""
        try:
            node = ray.get_runtime_context().get_node_id()
            return Standing(node, socket.gethostname(), place_here(device))
        except BenchError as error:
            return type(error)(f"{socket.gethostname()}: {error}")

    def prepare(self, orders: Orders) -> Standing | BenchError:
        """Makes everything ready, if the hardware is what the plan is for: that is the driver's to judge."""
        found = self.look(orders.device)
        if isinstance(found, BenchError) or found.place.machine != orders.job.machine:
            return found
        try:
            check_paths(orders.paths)
            self._start(orders, found)
        except BenchError as error:
            return error
        return replace(found, shared=self._shared)

    def _start(self, orders: Orders, found: Standing) -> None:
        warm_up()
        job = orders.job
        self._shared = orders.results.seen
        if job.export and not (self._shared and orders.export.seen):
            raise UsageError(
                f"--export-student {job.export}: {found.host} does not see the same results folder and the same folder "
                "there. With several machines both must be on storage that all of them share"
            )
        if not self._shared:
            job = replace(job, results=cache_folder() / "returned" / orders.name)
            job.results.mkdir(parents=True, exist_ok=True)
        if not job.folder.is_dir():
            job = replace(job, folder=job.results)
        self._sent: list[Path] = []
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._seat = seats(found.place, 1)[0]
        self._books = Bookkeeper(job)
        begun = lambda: self._messages.put(Began())  # noqa: E731
        self._local = Local(job, [self._seat], self, orders.timeout, wait_for_others=False, begun=begun)

    def run(self, ticket: Ticket, lost: str | None = None) -> Iterator[Began | Said | Stepped | Last]:
        """Yields what happens to a cell; the last message is of Last.

        lost: the reason of its failure, which is written instead of running it.
        """
        threading.Thread(target=self._run, args=(ticket, lost), daemon=True).start()
        while True:
            message = self._messages.get()
            if isinstance(message, Exception):
                raise message
            yield message
            if isinstance(message, Last):
                return

    def received(self) -> None:
        """The driver has the last record on its disk: only now it is removed here."""
        for path in self._sent:
            path.unlink(missing_ok=True)
        self._sent = []

    def _run(self, ticket: Ticket, lost: str | None) -> None:
        try:
            ready = None
            if not self._shared:
                ticket = replace(ticket, mark=self._books.mark(ticket))
                # A driver or a slot that ended may have left it: whoever has received a record has it removed.
                ready = self._books.found(replace(ticket, mark=(0, ticket.mark[1])))
            if ready:
                self.say(f"{ticket.name}: its record is there, from a command that did not receive it")
                outcome = ready
            elif lost:
                outcome = self._books.lost(ticket, self._seat, "killed", lost)
            else:
                [outcome] = [*self._local.go_on([ticket])] or [None]
            if outcome:
                self._messages.put(self._returned(outcome))
            elif ticket.key in self._local.left_out:
                if not self._shared:
                    self._books.log(ticket).unlink(missing_ok=True)
                self._messages.put(LeftOut(self._local.left_out[ticket.key]))
            else:
                self._messages.put(Taken())
        except BenchError as error:
            self._messages.put(Refused(error))
        except Exception as error:
            self._messages.put(error)

    def _returned(self, outcome: Outcome) -> Returned:
        record, log = outcome.path.read_text(), ""
        if not self._shared:
            written = self._books.log(outcome.ticket)
            log = written.read_text(errors="replace") if written.exists() else ""
            self._sent = [outcome.path, written]
        return Returned(record, outcome.path, log, outcome.elsewhere, outcome.exported)

    # What the local executor tells its watcher.

    def say(self, text: str) -> None:
        self._messages.put(Said(text))

    def began(self, seat: str, name: str) -> None:
        """The driver knows."""

    def stepped(self, seat: str, done: int, total: int) -> None:
        self._messages.put(Stepped(done, total))

    def left(self, seat: str) -> None:
        """The driver is told what became of the cell."""
