"""Progress: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

PLAIN_EVERY_SECONDS = 30


class Progress:
    """The progress of a list of cells; the methods are what the worker and the command call."""

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.done = 0
        self._said = time.monotonic()
        self._bar = None
        if sys.stdout.isatty():
            self._bar = Bar(
                TextColumn("cell {task.fields[cell]}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total} steps"),
                TimeRemainingColumn(),
                console=Console(),
                transient=True,
            )
            self._task = self._bar.add_task("cell", total=None, cell=self._cell())

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, flush=True)

    def steps(self, done: int, total: int) -> None:
        """The training that runs now is at step `done` of `total`."""
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, cell=self._cell())
        elif time.monotonic() - self._said > PLAIN_EVERY_SECONDS:
            self._said = time.monotonic()
            self.say(f"  cell {self._cell()}: step {done} of {total}")

    def finished(self, text: str) -> None:
        """A cell ended."""
        self.done += 1
        self._said = time.monotonic()
        self.say(f"[{self.done}/{self.cells}] {text}")

    def _cell(self) -> str:
        return f"{min(self.done + 1, self.cells)}/{self.cells}"
