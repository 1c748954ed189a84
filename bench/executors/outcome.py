"""What every executor has in common: it takes tickets, tells a watcher what happens, and yields outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.executors.job import Ticket
from bench.record import Record


@dataclass(frozen=True)
class Outcome:
    """A cell that ended, and its record on disk."""

    ticket: Ticket
    record: Record
    path: Path
    elsewhere: bool = False
    """Whether another run made it while this one was on its way."""
    exported: bool = True
    """False: its student should have been exported, and was not."""


class Watcher(Protocol):
    """Whoever follows a run. Seats are the places where cells run, named by the executor."""

    def say(self, text: str) -> None:
        """A line for people."""

    def began(self, seat: str, name: str) -> None:
        """A cell was given to a seat."""

    def stepped(self, seat: str, done: int, total: int) -> None:
        """The training there is at step `done` of `total`."""

    def left(self, seat: str) -> None:
        """The seat has no cell any more."""


class Executor(Protocol):
    """Runs cells somewhere."""

    def run(self, tickets: Sequence[Ticket]) -> Iterator[Outcome]:
        """Yields each cell as it ends, in any order. Closed or interrupted, it leaves nothing running here."""
        ...
