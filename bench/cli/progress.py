"""Progress: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.tally import Tally

PLAIN_EVERY_SECONDS = 30


class Progress:
    """Follows a run; the methods are what executors call (bench.executors.outcome.Watcher)."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._said = time.monotonic()
        self._live = None
        if sys.stdout.isatty():
            self._live = Live(console=Console(), get_renderable=self._table, transient=True, refresh_per_second=4)

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._live:
            self._live.console.print(text, markup=False, highlight=False)
        else:
            print(text, flush=True)

    def began(self, seat: str, name: str) -> None:
        self.tally.began(seat, name)
        self._changed()

    def stepped(self, seat: str, done: int, total: int) -> None:
        self.tally.stepped(seat, done, total)
        self._changed()

    def left(self, seat: str) -> None:
        self.tally.left(seat)
        self._changed()

    def finished(self, text: str) -> None:
        """A cell ended, and the tally has it."""
        self._said = time.monotonic()
        self.say(f"[{self.tally.ended}/{self.tally.cells}] {text}")
        self._changed()

    def _changed(self) -> None:
        if not self._live and time.monotonic() - self._said > PLAIN_EVERY_SECONDS:
            self._said = time.monotonic()
            self.say(f"  {summary(self.tally)}")
            for running in self.tally.running.values():
                self.say(f"    {running.seat}: {running}")

    def _table(self) -> Group:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        # A thread of its own draws this, while cells begin and end.
        for running in list(self.tally.running.values()):
            table.add_row(escape(running.seat), escape(str(running)), duration(running.seconds))
        return Group(Text(summary(self.tally)), table)


def summary(tally: Tally) -> str:
    """The counts of a run, and how long the rest takes."""
    done = tally.ended - tally.failed
    parts = [f"{done} of {tally.cells} cells done", f"{len(tally.running)} running"]
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    left = tally.remaining_seconds
    if left is not None and tally.ended < tally.cells:
        parts.append(f"about {duration(left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
