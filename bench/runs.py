"""The runs of a results folder, each a small file in `.runs/` that `status` reads from another terminal."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from bench.record import Part
from bench.store import Store, slug
from bench.tally import Tally

FOLDER = ".runs"
EVERY_SECONDS = 1.0


class RunningCell(Part):
    seat: str
    name: str
    seconds: float
    step: int
    steps: int


class RunReport(Part):
    """What a run says of itself."""

    run: str
    host: str
    process: int
    command: str
    started: str
    """UTC, ISO 8601."""
    cells: int
    ended: int
    """Failed ones included."""
    failed: int
    elsewhere: int
    """Of the ended: made by another run."""
    remaining_seconds: float | None
    running: list[RunningCell]
    job: str | None = None
    """The SLURM job that it runs in."""


class RunFile:
    """The file of this run. It is there while the run goes on; its claim tells whether the process still lives."""

    def __init__(self, store: Store, tally: Tally, command: str | None = None, job: str | None = None) -> None:
        """command: what it belongs to; None: the command line of this process. job: the SLURM job it runs in."""
        host = socket.gethostname()
        self._store = store
        self._tally = tally
        self._fixed = {
            "run": f"{slug(host)[:60]}-{os.getpid()}-{time.monotonic_ns()}",
            "host": host,
            "process": os.getpid(),
            "command": command or command_line(),
            "job": job,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._path = store.root / FOLDER / f"{self._fixed['run']}.json"
        self._over = threading.Event()

    def __enter__(self) -> RunFile:
        """The file is there from here on. What runs that were killed have left is removed."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        clear_ended(self._store)
        self._store.claims.take(claim(self._fixed["run"]))
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)
        self._store.claims.release(claim(self._fixed["run"]))

    def _keep(self) -> None:
        """Writes the file every second. A disk that is full must not end the run: it ends where records are written."""
        temporary = self._path.with_suffix(".new")
        while not self._over.is_set():
            with suppress(OSError):
                temporary.write_text(self._report().model_dump_json(indent=1) + "\n")
                os.replace(temporary, self._path)
            self._over.wait(EVERY_SECONDS)

    def _report(self) -> RunReport:
        tally = self._tally
        return RunReport(
            **self._fixed,
            cells=tally.cells,
            ended=tally.ended,
            failed=tally.failed,
            elsewhere=tally.elsewhere,
            remaining_seconds=tally.remaining_seconds,
            running=[
                RunningCell(seat=each.seat, name=each.name, seconds=each.seconds, step=each.done, steps=each.total)
                for each in list(tally.running.values())
            ],
        )


def clear_ended(store: Store) -> None:
    """Removes the files of runs that were killed. Hidden ones stay: they are being written, and have no claim."""
    for left in [path for path in (store.root / FOLDER).glob("*") if path.is_file()]:
        if not left.name.startswith(".") and store.claims.free(claim(left.stem)):
            left.unlink(missing_ok=True)


def runs(store: Store) -> list[tuple[RunReport, bool]]:
    """Every run that has said something of itself, and whether its process still lives. `unreadable` has the others."""
    return [(report, not store.claims.free(claim(report.run))) for _, report in _reports(store) if report]


def unreadable(store: Store) -> list[Path]:
    """The files of runs that cannot be read: a crash of a machine has cut them off, or they are of another version."""
    return [path for path, report in _reports(store) if not report]


def _reports(store: Store) -> Iterator[tuple[Path, RunReport | None]]:
    """Every file of a run, and what it says; None: it cannot be read."""
    for path in sorted((store.root / FOLDER).glob("*.json")):
        try:
            yield path, RunReport.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            continue  # a run that has ended at this moment
        except (OSError, ValidationError):
            yield path, None


def command_line() -> str:
    """Of this process, as it is typed."""
    return shlex.join(["python", "-m", "bench", *sys.argv[1:]])


def claim(run: str) -> str:
    """The name of a run's claim."""
    return f"run {run}"
