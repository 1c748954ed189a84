"""Processes that are followed: their lines are passed on, and they end when we do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

PATIENCE_SECONDS = 30
"""For a process that is asked to end."""
LAST_LINES = 20
"""That are kept, to show where it went wrong."""
REST_SECONDS = 5
"""For lines that come after the end: something that the process has started may hold the pipe for ever."""


class Followed:
    """A process in a group of its own: Ctrl-C is ours to hand on."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """say: takes every line that it prints, without its end."""
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self._say = say
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def ended(self) -> int | None:
        """The exit code, once it has ended and its lines are there; else None."""
        code = self._process.poll()
        if code is not None:
            self._reader.join(REST_SECONDS)
        return code

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Waits until it has ended after `interrupt`; one that takes too long is killed, or at the next Ctrl-C.

        What it has started in its group goes too: it may still import, and would see only then that it is alone.
        """
        with suppress(subprocess.TimeoutExpired):
            try:
                self._process.wait(PATIENCE_SECONDS)
            finally:
                self._kill()
        self.ended()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout:
            text = line.rstrip("\n")
            self.last.append(text)
            self._say(text)


def end_all(processes: Iterable[Followed]) -> None:
    """Interrupts all of those that run, and waits for them."""
    running = [process for process in processes if process.ended() is None]
    for process in running:
        process.interrupt()
    for process in running:
        process.end()


def to_stderr(line: str) -> None:
    """Beside a report, which alone is on standard output. In one piece: several processes print."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM is what Ctrl-C is: it leaves no process and no scratch folder behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
