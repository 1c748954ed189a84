"""The Ray executor: slots on the nodes of a cluster, each an actor that runs one cell at a time."""

from __future__ import annotations

import hashlib
import socket
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from bench.errors import UsageError
from bench.executors.bookkeeper import Bookkeeper
from bench.executors.elsewhere import Tokens, needed_paths, portable, portable_ticket
from bench.executors.job import Job, Ticket
from bench.executors.local import LOOK_AGAIN_SECONDS
from bench.executors.log import Log
from bench.executors.messages import Began, LeftOut, Refused, Said, Stepped, Taken
from bench.executors.outcome import Outcome, Watcher
from bench.executors.queue import take_next
from bench.executors.ray.cluster import Cluster, answer, last_line
from bench.executors.ray.losses import Losses
from bench.executors.ray.slot import Orders, Returned, Standing
from bench.record import Record

PATIENCE_SECONDS = 30.0
"""How long a slot may take to hear that its record is on disk here."""
MOST_FAILED_STARTS = 20


@dataclass
class Held:
    """This side of a slot."""

    actor: Any
    waits_for: Any
    """What it is to answer: a reference while it starts, a stream of messages while it has a cell."""
    name: str = "a slot that was starting"
    ready: bool = False
    shared: bool = False
    """Whether it writes records itself."""
    ticket: Ticket | None = None
    began: bool = False
    """Whether data and teacher of its cell are there."""
    step: int = 0
    """That its cell has come to, as far as it has told."""


class Ray:
    """Shares cells among the slots of a cluster."""

    def __init__(
        self,
        job: Job,
        cluster: Cluster,
        device: str,
        watcher: Watcher,
        timeout: float | None = None,
        most: int | None = None,
    ) -> None:
        """device: as slots are to name it. timeout: as of the local executor. most: slots at a time."""
        self.job = portable(job)
        self.cluster = cluster
        self.device = device
        self.watcher = watcher
        self.timeout = timeout
        self.most = most
        self._books = Bookkeeper(self.job)
        self._slots: list[Held] = []
        self._queue: deque[Ticket] = deque()
        self._elsewhere: deque[Ticket] = deque()
        """Another run has them in hand."""
        self._teachers: set[str] = set()
        """Keys of the teachers that are known to be there."""
        self._losses: defaultdict[str, Losses] = defaultdict(Losses)
        """By the key of a cell."""
        self._failed_starts = 0
        """Slots in a row that were lost before they were ready."""
        self._unfit: set[str] = set()
        """Ids of nodes that have other hardware."""
        self._waits_for_nodes = False
        self._started = 0

    def run(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """Yields each cell as it ends. An error that every cell would meet is raised."""
        self._queue.extend(tickets)
        with Tokens(self.job) as tokens:
            orders = Orders(
                job=self.job,
                name=hashlib.sha256(f"{socket.gethostname()} {self.job.results}".encode()).hexdigest()[:12],
                device=self.device,
                timeout=self.timeout,
                paths=tuple(needed_paths(self.job, [portable_ticket(self.job, ticket) for ticket in tickets])),
                results=tokens.results,
                export=tokens.export,
            )
            try:
                yield from self._run(orders)
            finally:
                for slot in list(self._slots):
                    self._end(slot)

    def _run(self, orders: Orders) -> Iterator[Outcome]:
        looked = -LOOK_AGAIN_SECONDS
        while self._queue or self._elsewhere or self._busy():
            if time.monotonic() - looked >= LOOK_AGAIN_SECONDS:
                looked = time.monotonic()
                self._queue.extend(self._elsewhere)
                self._elsewhere.clear()
                self._fit_slots(orders)
            yield from self._give_work()
            yield from self._listen()

    def _busy(self) -> list[Held]:
        return [slot for slot in self._slots if slot.ticket]

    def _fit_slots(self, orders: Orders) -> None:
        """Starts slots while there are cells and room for them, and ends those that nothing is left for."""
        cells = len(self._queue) + len(self._elsewhere) + len(self._busy())
        room = self.cluster.room(self._unfit)
        if not room and self._unfit and not self._slots:
            raise UsageError(f"no node of the cluster is {self.job.machine}, which the plan was made for")
        if not room and not self._slots and not self._waits_for_nodes:
            self.watcher.say("no node of the cluster has what a cell needs any more: waiting for one")
        self._waits_for_nodes = not room and not self._slots
        for _ in range(len(self._slots), min(cells, room, self.most or room)):
            actor = self.cluster.start(self._unfit)
            self._slots.append(Held(actor, actor.prepare.remote(orders)))
        idle = sorted((slot for slot in self._slots if not slot.ticket), key=lambda slot: slot.ready)
        for slot in idle[: max(0, len(self._slots) - cells)]:
            self._end(slot)

    def _give_work(self) -> Iterator[Outcome]:
        """Gives every idle slot a cell."""
        for slot in self._slots:
            while slot.ready and not slot.ticket and self._queue:
                yield from self._give(slot, self._next())

    def _next(self) -> Ticket:
        if self._losses[self._queue[0].key].causes:
            return self._queue.popleft()
        making = {slot.ticket.teacher_key for slot in self._busy() if not slot.began and slot.ticket.teacher_key}
        return take_next(self._queue, making - self._teachers)

    def _give(self, slot: Held, ticket: Ticket) -> Iterator[Outcome]:
        if not slot.shared:
            if not self._books.store.claims.take(ticket.key):
                self._elsewhere.append(ticket)
                return
            if found := self._books.found(ticket):
                self._books.store.claims.release(ticket.key)
                yield found
                return
        slot.ticket, slot.began, slot.step = ticket, False, 0
        run = slot.actor.run.options(num_returns="streaming")
        slot.waits_for = run.remote(portable_ticket(self.job, ticket), self._losses[ticket.key].verdict)
        self.watcher.began(slot.name, ticket.name)

    def _listen(self) -> Iterator[Outcome]:
        """Waits until a slot says something, and deals with it."""
        waiting = {slot.waits_for: slot for slot in self._slots if slot.waits_for is not None}
        if not waiting:
            time.sleep(LOOK_AGAIN_SECONDS)
            return
        ready, _ = ray.wait(list(waiting), timeout=LOOK_AGAIN_SECONDS)
        for reference in ready:
            slot = waiting[reference]
            try:
                if slot.ticket:
                    yield from self._hear(slot, ray.get(next(reference)))
                else:
                    self._prepared(slot, answer(reference))
            except RayTaskError:
                raise
            except RayError as error:
                self._lose(slot, error)

    def _prepared(self, slot: Held, found: Standing) -> None:
        """A slot has started, and is ready if its node is what the plan is for."""
        slot.waits_for = None
        self._failed_starts = 0
        if found.place.machine != self.job.machine:
            if found.node not in self._unfit:
                self.watcher.say(
                    f"node {found.host} is {found.place.machine}: not used, since the plan is for {self.job.machine}"
                )
            self._unfit.add(found.node)
            self._end(slot)
            return
        self._started += 1
        slot.name = f"slot {self._started} on {found.host} ({found.node[:6]})"
        slot.ready, slot.shared = True, found.shared

    def _hear(self, slot: Held, message: object) -> Iterator[Outcome]:
        ticket = slot.ticket
        match message:
            case Said(text):
                self.watcher.say(text)
            case Stepped(done, total):
                slot.step = done
                self.watcher.stepped(slot.name, done, total)
            case Began():
                slot.began = True
                if ticket.teacher_key:
                    self._teachers.add(ticket.teacher_key)
            case Taken():
                self._idle(slot)
                self._elsewhere.append(ticket)
            case LeftOut():
                # The slot has said why; no other cell of this teacher has anything to learn from.
                self._idle(slot)
                for waiting in (self._queue, self._elsewhere):
                    for each in [each for each in waiting if each.teacher_key == ticket.teacher_key]:
                        waiting.remove(each)
            case Refused(error):
                raise type(error)(f"{slot.name}: {error}") from error
            case Returned():
                outcome = self._kept(slot, message)
                self._idle(slot)
                yield outcome

    def _kept(self, slot: Held, returned: Returned) -> Outcome:
        """The outcome, its record on disk: of a slot that could not, it is written here."""
        record, path = Record.model_validate_json(returned.record, strict=True), returned.path
        if not slot.shared:
            log = Log(self._books.log(slot.ticket))
            log.append(returned.log)
            log.close()
            path = self._books.store.write(record)
            # Of a slot that is lost at this moment, its node keeps the record, and nothing else is wrong.
            with suppress(RayError):
                ray.get(slot.actor.received.remote(), timeout=PATIENCE_SECONDS)
        return Outcome(slot.ticket, record, path, returned.elsewhere, returned.exported)

    def _idle(self, slot: Held) -> None:
        if not slot.shared:
            self._books.store.claims.release(slot.ticket.key)
        slot.ticket = slot.waits_for = None
        self.watcher.left(slot.name)

    def _lose(self, slot: Held, error: RayError) -> None:
        """A slot is gone, with its node or alone: its cell is the next that is run, from its checkpoint."""
        ticket, step, cause = slot.ticket, slot.step, last_line(error)
        self._end(slot)
        if ticket:
            self._losses[ticket.key].add(cause, step)
            self._queue.appendleft(ticket)
            self.watcher.say(f"{slot.name} is lost: {cause} {ticket.name} is run on another one")
            return
        self._failed_starts += 1
        self.watcher.say(f"{slot.name} is lost: {cause}")
        if self._failed_starts >= MOST_FAILED_STARTS:
            raise UsageError(f"{self._failed_starts} slots in a row were lost while they started: {cause}")

    def _end(self, slot: Held) -> None:
        """Ends a slot, and its processes with it."""
        self._slots.remove(slot)
        ray.kill(slot.actor)
        if slot.ticket:
            self._idle(slot)
