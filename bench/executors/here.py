"""The executor without processes of its own: one cell after the other in this one, where a debugger sees them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

from bench.executors.bookkeeper import Bookkeeper
from bench.executors.job import Job, Ticket
from bench.executors.local import LOOK_AGAIN_SECONDS
from bench.executors.messages import Ended, LeftOut, Made, Message, Refused, Said, Stepped, Taken
from bench.executors.outcome import Outcome, Watcher
from bench.executors.runner import Runner
from bench.store import read

SEAT = "here"


class Here:
    """Runs cells in this process."""

    def __init__(self, job: Job, device: str, watcher: Watcher) -> None:
        self.job = job
        self.watcher = watcher
        self._books = Bookkeeper(job)
        self._last: Message | None = None
        self._runner = Runner(job, device, self._hear)

    def run(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """Yields each cell as it ends. An error that every cell would meet is raised."""
        queue = deque(tickets)
        passed = 0
        while queue:
            ticket = queue.popleft()
            self.watcher.began(SEAT, ticket.name)
            self._runner.run(ticket, last_try=True, with_output=False)
            self.watcher.left(SEAT)
            match self._last:
                case Refused(error):
                    raise error
                case LeftOut(reason):
                    same = [each for each in queue if each.teacher_key == ticket.teacher_key]
                    queue = deque(each for each in queue if each not in same)
                    self.watcher.say(f"{reason}: {1 + len(same)} cells that need it are left out")
                case Ended(path, _, exported):
                    passed = 0
                    yield Outcome(ticket, read(path), path, exported=exported)
                case Made() if found := self._books.found(ticket):
                    yield found
                case Made() | Taken():
                    queue.append(ticket)
                    passed += 1
                    if passed >= len(queue):
                        time.sleep(LOOK_AGAIN_SECONDS)

    def _hear(self, message: Message) -> None:
        self._last = message
        match message:
            case Said(text):
                self.watcher.say(text)
            case Stepped(done, total):
                self.watcher.stepped(SEAT, done, total)
