"""What a run has done, does now and has left: for the progress that people see and for `status`."""

from __future__ import annotations

import threading
import time
from collections import Counter
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


@dataclass
class Row:
    """The cells that differ in the seed alone."""

    left: int
    expected: float
    """Seconds of one, as estimated before; 0: not known."""
    measured: int = 0
    seconds: float = 0.0
    """Of the measured ones together."""

    @property
    def mean(self) -> float:
        return self.seconds / self.measured


class Tally:
    """Counts cells, and says how long the rest takes from those that have been measured.

    Sums over the rows are kept, not made anew: other threads ask for the time several times a second.
    """

    def __init__(self, rows: Sequence[Hashable], expected: Mapping[Hashable, float], seats: int) -> None:
        """rows: of each cell, the row that it belongs to: cells of a row differ in the seed alone.

        expected: seconds of a cell of a row, as estimated before. seats: how many cells run at a time.
        """
        self.cells = len(rows)
        self.ended = self.failed = self.elsewhere = 0
        self.running: dict[str, Running] = {}
        self._seats = seats
        self._rows = {row: Row(left, expected.get(row, 0.0)) for row, left in Counter(rows).items()}
        self._measured_left = self._expected_left = 0.0
        self._unknown_left = 0
        self._pace_measured = self._pace_expected = 0.0
        self._changing = threading.Lock()
        for row in self._rows.values():
            self._add(row, 1)

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
        changed = self._rows[row]
        with self._changing:
            self._add(changed, -1)
            changed.left -= 1
            if record.ok:
                changed.measured += 1
                changed.seconds += record.cost.total_seconds
            self._add(changed, 1)

    @property
    def remaining_seconds(self) -> float | None:
        """Until the last cell ends; None while nothing is known of it."""
        with self._changing:
            if self._unknown_left:
                return None
            # How this run's pace differs from what was expected.
            pace = self._pace_measured / self._pace_expected if self._pace_expected else 1.0
            total = self._measured_left + pace * self._expected_left
        begun = sum(running.seconds for running in list(self.running.values()))
        return max(0.0, total - begun) / max(1, min(self._seats, self.cells - self.ended))

    def _add(self, row: Row, sign: int) -> None:
        """Adds a row to the sums; with sign -1, takes it out again, before it changes."""
        if not row.measured:
            self._expected_left += sign * row.left * row.expected
            self._unknown_left += sign * row.left * (not row.expected)
            return
        self._measured_left += sign * row.left * row.mean
        if row.expected:
            self._pace_measured += sign * row.mean
            self._pace_expected += sign * row.expected
