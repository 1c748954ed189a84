"""The log of a cell: a text file under `logs/` in the results folder, with the path of its record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import StoreError
from bench.store import LOGS

LAST_LINES = 20


class Log:
    """Lines with their time. A cell that is run again writes on at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise StoreError(f"log {path} cannot be written: {error.strerror or error}") from error

    def line(self, text: str) -> None:
        """One line, which whoever reads the file sees at once."""
        self.append(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n")

    def append(self, text: str) -> None:
        """Text as it is: lines of a log that was written elsewhere."""
        try:
            self._file.write(text)
        except OSError as error:
            raise StoreError(f"log {self.path} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        with suppress(OSError):  # of a full disk: the line that it could not take was an error already
            self._file.close()

    @contextmanager
    def with_output(self) -> Iterator[None]:
        """Inside, what this process prints, C libraries and children included, goes to the log too."""
        kept = {}
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            kept[number] = os.dup(number)
            os.dup2(self._file.fileno(), number)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, before in kept.items():
                os.dup2(before, number)
                os.close(before)


def log_path(root: Path, record: Path) -> Path:
    """Where the log of a record's cell is."""
    return root / LOGS / record.relative_to(root).with_suffix(".log")


def last_lines(path: Path) -> str:
    """The end of a log, for the reason of a cell whose process could not say it itself; empty if there is none."""
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
    except OSError:
        return ""
