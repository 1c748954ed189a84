"""What has been submitted to SLURM for a results folder: in `.runs/slurm/`, a folder each, with the jobs' own logs."""

from __future__ import annotations

import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from bench.executors.slurm.cluster import QueuedJob
from bench.record import Part
from bench.runs import FOLDER, command_line
from bench.store import DONE, FAILED, Mark, Store, inodes, write_whole

if TYPE_CHECKING:
    from bench.executors.job import Ticket

FILE = "submission.json"
TICKETS = "tickets.json"
ERROR = "error-"
CLAIM = "slurm submission"
"""The claim of whoever looks at the queue and submits by what it sees there."""


class SubmittedCell(Part):
    key: str
    path: str
    """Of its record, in the results folder."""
    mark: Mark
    """What was there of it before."""


class Submission(Part):
    """The jobs of one command."""

    name: str
    """Of its jobs in the queue."""
    ids: list[str]
    """Of the jobs; empty: they are being submitted, or whoever did it was killed then."""
    machine: str
    """The fingerprint of the hardware that the cells are for."""
    command: str
    host: str
    submitted: str
    """UTC, ISO 8601."""
    cells: list[SubmittedCell]

    @property
    def job(self) -> str:
        """The id that scancel takes to end them all."""
        return self.ids[0].partition("_")[0] if self.ids else "unknown"

    def folder(self, store: Store) -> Path:
        """With this file, the tickets, and the logs of the jobs."""
        return folder(store) / self.name

    def open_cells(self, store: Store) -> list[SubmittedCell]:
        """The cells that have left nothing new since."""
        return [cell for cell, now in marked(store, self.cells) if now == cell.mark]

    def write(self, store: Store) -> None:
        write_whole(self.folder(store) / FILE, self.model_dump_json(indent=1) + "\n")


def marked(store: Store, cells: Iterable[SubmittedCell]) -> Iterator[tuple[SubmittedCell, Mark]]:
    """Each cell, and what it has on disk now. From names: folders are listed, no file is opened."""
    listed: dict[str, dict[str, int]] = {}
    for cell in cells:
        # Strings: with paths, it would take ten times as long.
        folder, _, name = cell.path.rpartition("/")
        if folder not in listed:
            listed[folder] = inodes(store.root / folder)
        names = listed[folder]
        yield cell, (names.get(name, 0), names.get(name.removesuffix(DONE) + FAILED, 0))


def new_submission(store: Store, machine: str, cells: Sequence[SubmittedCell], tickets: Sequence[Ticket]) -> Submission:
    """On disk from here on; its jobs find their tickets beside it."""
    made = Submission(
        name=f"kdbench-{uuid.uuid4().hex[:8]}",
        ids=[],
        machine=machine,
        command=command_line(),
        host=socket.gethostname(),
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
        cells=list(cells),
    )
    place = made.folder(store)
    place.mkdir(parents=True)
    (place / TICKETS).write_bytes(_as_json().dump_json(list(tickets)))
    made.write(store)
    return made


def tickets_of(place: Path) -> list[Ticket]:
    """The tickets in the folder of a submission."""
    return _as_json().validate_json((place / TICKETS).read_bytes())


def _as_json() -> TypeAdapter[list[Ticket]]:
    # Loaded here: tickets need torch, and `status`, which reads none, need not wait for it.
    from bench.executors.job import Ticket

    return TypeAdapter(list[Ticket])


def submissions(store: Store) -> list[Submission]:
    """Every submission that has a folder, in the order of time."""
    found = []
    for path in folder(store).glob(f"*/{FILE}"):
        # Another command may remove one that is over at this moment.
        with suppress(OSError, ValidationError):
            found.append(Submission.model_validate_json(path.read_bytes()))
    return sorted(found, key=lambda each: (each.submitted, each.name))


def live(found: Sequence[Submission], queue: Sequence[QueuedJob]) -> list[Submission]:
    """Those that have jobs in the queue. Ids that nobody could write down are taken from there."""
    ids: dict[str, list[str]] = {}
    for job in queue:
        ids.setdefault(job.name, []).append(job.id)
    return [each if each.ids else each.model_copy(update={"ids": ids[each.name]}) for each in found if each.name in ids]


def clear(store: Store, over: Sequence[Submission]) -> None:
    """Removes the folders of those, none of which has a job, that have nothing left to do. Logs of others stay."""
    for each in over:
        if not each.open_cells(store):
            shutil.rmtree(each.folder(store), ignore_errors=True)


def folder(store: Store) -> Path:
    return store.root / FOLDER / "slurm"


def error_path(place: Path, number: int) -> Path:
    """Where the job of this number in its array leaves the error that has ended it, for people."""
    return place / f"{ERROR}{number}.txt"


def errors(place: Path) -> list[str]:
    """What jobs have left so."""
    texts = []
    for path in sorted(place.glob(f"{ERROR}*.txt")):
        with suppress(OSError):
            texts.append(path.read_text(encoding="utf-8", errors="replace").strip())
    return texts
