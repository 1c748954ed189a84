"""The local executor: worker processes on this machine, one a seat, replaced when one ends or must end."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import wait

from bench.errors import ExecutorError
from bench.executors.bookkeeper import Bookkeeper
from bench.executors.job import Job, Ticket
from bench.executors.messages import Began, Ended, LeftOut, Made, Message, OutOfMemory, Refused, Said, Stepped, Taken
from bench.executors.outcome import Outcome, Watcher
from bench.executors.queue import take_next
from bench.executors.runner import Seat
from bench.executors.worker_process import WorkerProcess, warm_up
from bench.store import read

LOOK_AGAIN_SECONDS = 1.0
"""How often cells that another run has in hand are tried again."""
MOST_FAILED_STARTS = 3
KILLED = (-signal.SIGKILL, 255)
"""Exit codes of processes that something has ended: the second is what multiprocessing says where the process that they
were forked from is gone, and their own code with it."""


def signal_name(number: int) -> str:
    """`SIGKILL`, or the number of one that has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


class Local:
    """Shares cells among worker processes."""

    def __init__(
        self,
        job: Job,
        seats: Sequence[Seat],
        watcher: Watcher,
        timeout: float | None = None,
        wait_for_others: bool = True,
        begun: Callable[[], None] = lambda: None,
    ) -> None:
        """timeout: seconds of a cell's own time; before that begins, of silence.

        wait_for_others: whether cells that another run has in hand are waited for, or left out in the end. begun:
        called when data and teacher of a cell are there.
        """
        self.job = job
        self.seats = seats
        self.watcher = watcher
        self.timeout = timeout
        self.wait_for_others = wait_for_others
        self._begun = begun
        self._books = Bookkeeper(job)
        warm_up()
        self._workers: dict[str, WorkerProcess] = {}
        self._queue: deque[Ticket] = deque()
        self._alone: deque[Ticket] = deque()
        """Ran out of memory, or were killed as if they had: they are tried again with nothing beside them."""
        self._elsewhere: deque[Ticket] = deque()
        """Another run has them in hand."""
        self._teachers: set[str] = set()
        """Keys of the teachers that are known to be there."""
        self._failed_starts = 0
        """Processes in a row that ended before they could run anything."""
        self.left_out: dict[str, str] = {}
        """Keys of the cells that have no teacher, since its training fails, and why."""

    def run(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """Yields each cell as it ends. An error that every cell would meet is raised."""
        try:
            yield from self.go_on(tickets)
        finally:
            self.close()

    def go_on(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """As `run`, but the processes stay for the cells that come next: `close` ends them."""
        self._queue.extend(tickets)
        looked = time.monotonic()
        while self._queue or self._alone or self._elsewhere or self._busy():
            if self._elsewhere and time.monotonic() - looked > LOOK_AGAIN_SECONDS:
                looked = time.monotonic()
                self._queue.extend(self._elsewhere)
                self._elsewhere.clear()
            self._give_work()
            if not self._busy() and not self._queue and not self._alone:
                if not self.wait_for_others:
                    self._elsewhere.clear()
                    return
                time.sleep(LOOK_AGAIN_SECONDS)
                continue
            yield from self._listen()

    def close(self) -> None:
        """Ends the processes."""
        for seat in list(self._workers):
            self._dismiss(seat)

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers.values() if worker.ticket]

    def _give_work(self) -> None:
        """Gives every idle seat a cell."""
        busy = self._busy()
        if any(worker.last_try for worker in busy):
            return
        if not self._queue and self._alone and not busy:
            # Nothing beside it, and nothing left of what ran before.
            for seat in list(self._workers):
                self._dismiss(seat)
            self._give(self.seats[0], self._alone.popleft(), last_try=True)
            return
        for seat in self.seats:
            if not self._queue:
                return
            worker = self._workers.get(seat.name)
            if worker is None or worker.ticket is None:
                self._give(seat, self._next(), last_try=False)

    def _next(self) -> Ticket:
        making = {
            worker.ticket.teacher_key for worker in self._busy() if not worker.began and worker.ticket.teacher_key
        }
        return take_next(self._queue, making - self._teachers)

    def _give(self, seat: Seat, ticket: Ticket, last_try: bool) -> None:
        if seat.name in self._workers and self._workers[seat.name].ended:
            self._dismiss(seat.name)  # it died after its last cell: not this one's failure
        if seat.name not in self._workers:
            self._workers[seat.name] = WorkerProcess(self.job, seat)
        worker = self._workers[seat.name]
        worker.give(ticket, last_try)
        # Starting a process, with its imports, is nobody's time.
        worker.deadline = self._deadline() if worker.ready else float("inf")
        self.watcher.began(seat.name, ticket.name)

    def _deadline(self) -> float:
        return time.monotonic() + self.timeout if self.timeout else float("inf")

    def _listen(self) -> Iterator[Outcome]:
        """Waits until something happens, and deals with it."""
        busy = self._busy()
        soonest = min([worker.deadline for worker in busy], default=float("inf"))
        patience = LOOK_AGAIN_SECONDS if self._elsewhere else 60.0
        wait(
            [handle for worker in busy for handle in (worker.connection, worker.process.sentinel)],
            timeout=max(0.0, min(soonest - time.monotonic(), patience)),
        )
        for worker in busy:
            ended = worker.ended  # asked before what it told is read, so that nothing is missed
            for message in worker.messages():
                yield from self._hear(worker, message)
            if ended and worker.ticket:
                yield from self._died(worker)
            elif worker.ticket and time.monotonic() >= worker.deadline:
                yield from self._timed_out(worker)

    def _hear(self, worker: WorkerProcess, message: Message) -> Iterator[Outcome]:
        ticket, seat = worker.ticket, worker.seat.name
        worker.ready, self._failed_starts = True, 0
        match message:
            case Refused(error):
                raise error
            case Said(text):
                self.watcher.say(text)
            case Stepped(done, total):
                worker.at = f"at step {done} of {total}"
                self.watcher.stepped(seat, done, total)
            case Began():
                worker.began, worker.deadline = True, self._deadline()
                if ticket.teacher_key:
                    self._teachers.add(ticket.teacher_key)
                self._begun()
            case Ended(path, spent, exported):
                self._idle(worker)
                yield Outcome(ticket, read(path), path, exported=exported)
                if spent:
                    self._dismiss(seat)
            case Taken():
                self._elsewhere.append(ticket)
                self._idle(worker)
            case Made():
                self._idle(worker)
                yield from self._settle(ticket, self._books.found(ticket))
            case LeftOut(reason):
                self._idle(worker)
                self._leave_out(ticket, reason)
            case OutOfMemory():
                self._dismiss(seat)
                self._try_alone(ticket, "ran out of memory")
        if not worker.began and worker.ticket:
            worker.deadline = self._deadline()  # any message is a sign of life

    def _idle(self, worker: WorkerProcess) -> None:
        worker.ticket = None
        worker.last_try = False
        self.watcher.left(worker.seat.name)

    def _dismiss(self, seat: str) -> None:
        """Ends the process of a seat; the next cell there gets a new one."""
        worker = self._workers.pop(seat)
        worker.kill()
        self._idle(worker)

    def _leave_out(self, ticket: Ticket, reason: str) -> None:
        """Takes all cells of this one's teacher out: there is nothing that they could learn from."""
        self.left_out[ticket.key] = reason
        count = 1
        for waiting in (self._queue, self._alone, self._elsewhere):
            same = [each for each in waiting if each.teacher_key == ticket.teacher_key]
            for each in same:
                waiting.remove(each)
                self.left_out[each.key] = reason
            count += len(same)
        self.watcher.say(f"{reason}: {count} cells that need it are left out")

    def _try_alone(self, ticket: Ticket, what: str) -> None:
        self.watcher.say(f"{ticket.name} {what}: it is tried once more, alone")
        self._alone.append(ticket)

    def _died(self, worker: WorkerProcess) -> Iterator[Outcome]:
        """The process of a cell has ended by itself, or something has ended it."""
        ticket, last_try, code, at = worker.ticket, worker.last_try, worker.process.exitcode, worker.at
        how = f"by signal {signal_name(-code)}" if code < 0 else f"with exit code {code}"
        self._dismiss(worker.seat.name)
        if not worker.ready:
            self._failed_start(ticket, last_try, how)
        # The system kills where memory is short; and what earlier cells have left in a process may end it.
        elif not last_try and (code in KILLED or worker.given > 1):
            self._try_alone(ticket, f"was ended ({how.removeprefix('by ').removeprefix('with ')})")
        else:
            yield from self._lose(worker, ticket, "killed", f"its process ended {how}, {at}")

    def _failed_start(self, ticket: Ticket, last_try: bool, how: str) -> None:
        """A process has ended before it could run anything: no failure of a cell."""
        self._failed_starts += 1
        if self._failed_starts >= MOST_FAILED_STARTS:
            raise ExecutorError(
                f"no worker process starts: {self._failed_starts} in a row ended {how} before their first cell. What "
                "they said stands above; a script that calls kdbench needs `if __name__ == '__main__':`"
            )
        (self._alone if last_try else self._queue).appendleft(ticket)

    def _timed_out(self, worker: WorkerProcess) -> Iterator[Outcome]:
        ticket, at = worker.ticket, worker.at
        where = "" if worker.began else ", before data and teacher were there"
        self._dismiss(worker.seat.name)
        yield from self._lose(worker, ticket, "timeout", f"it took longer than {self.timeout:g} seconds{where}, {at}")

    def _lose(self, worker: WorkerProcess, ticket: Ticket, status: str, reason: str) -> Iterator[Outcome]:
        """Writes the record of a cell whose process could not."""
        outcome = self._books.lost(ticket, worker.seat, status, reason)
        # If there is a record, it was written in its last moment.
        yield from self._settle(ticket, outcome and replace(outcome, elsewhere=False, exported=True))

    def _settle(self, ticket: Ticket, outcome: Outcome | None) -> Iterator[Outcome]:
        """The outcome; without one, another run has the cell in hand."""
        if outcome is None:
            self._elsewhere.append(ticket)
        else:
            yield outcome
