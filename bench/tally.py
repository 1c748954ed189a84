"""What a run has done, does now and has left: for the progress that people see and for `status`."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from bench.record import Record


@dataclass
class Running:
    """A cell that a seat has now."""

    seat: str
    name: str
    since: float
    """By the monotonic clock."""
    done: int = 0
    total: int = 0
    """Steps; 0: none is known yet."""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    def __str__(self) -> str:
        return self.name + (f", step {self.done} of {self.total}" if self.total else "")


class Tally:
    """Counts cells, and says how long the rest takes from those that have been measured."""

    def __init__(self, rows: Sequence[Hashable], expected: Mapping[Hashable, float], seats: int) -> None:
        """rows: of each cell, the row that it belongs to: cells of a row differ in the seed alone.

        expected: seconds of a cell of a row, as estimated before. seats: how many cells run at a time.
        """
        self.cells = len(rows)
        self.ended = self.failed = self.elsewhere = 0
        self.running: dict[str, Running] = {}
        self._left = Counter(rows)
        self._expected = expected
        self._seats = seats
        self._measured: dict[Hashable, list[float]] = defaultdict(list)

    def began(self, seat: str, name: str) -> None:
        self.running[seat] = Running(seat, name, time.monotonic())

    def stepped(self, seat: str, done: int, total: int) -> None:
        if seat in self.running:
            self.running[seat].done, self.running[seat].total = done, total

    def left(self, seat: str) -> None:
        self.running.pop(seat, None)

    def ended_with(self, row: Hashable, record: Record, elsewhere: bool) -> None:
        """A cell ended, here or in another run."""
        self.ended += 1
        self.failed += not record.ok
        self.elsewhere += elsewhere
        self._left[row] -= 1
        if record.ok:
            self._measured[row].append(record.cost.total_seconds)

    @property
    def remaining_seconds(self) -> float | None:
        """Until the last cell ends; None while nothing is known of it."""
        known = {row: sum(times) / len(times) for row, times in list(self._measured.items())}
        both = [row for row in known if self._expected.get(row)]
        # How this run's pace differs from what was expected.
        pace = sum(known[row] for row in both) / sum(self._expected[row] for row in both) if both else 1.0
        total = 0.0
        for row, count in list(self._left.items()):
            if not count:
                continue
            each = known.get(row, self._expected.get(row, 0.0) * pace)
            if not each:
                return None
            total += count * each
        begun = sum(running.seconds for running in list(self.running.values()))
        return max(0.0, total - begun) / max(1, min(self._seats, self._left.total()))
