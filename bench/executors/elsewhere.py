"""A job for other machines: paths that mean the same there, and whether a folder is the same there."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from bench.errors import UsageError
from bench.executors.job import Job, Ticket
from bench.registry import path_task
from bench.runs import FOLDER, claim
from bench.store import Store, nearest, write_whole


def portable(job: Job) -> Job:
    """The job with absolute paths, and without the environment of this machine."""

    def absolute(path: Path | None) -> Path | None:
        return path and job.folder / path

    def absolute_network(name: str) -> str:
        # A folder of a language model, and not any other that is named like a network.
        return str(job.folder / name) if (job.folder / name / "config.json").is_file() else name

    def absolute_pair(pair: str) -> str:
        return "->".join(absolute_network(name.strip()) for name in pair.split("->"))

    return replace(
        job,
        results=job.folder / job.results,
        plugins=tuple(map(absolute, job.plugins)),
        pairs=job.pairs and ",".join(map(absolute_pair, job.pairs.split(","))),
        data_dir=absolute(job.data_dir),
        teacher=absolute(job.teacher),
        export=absolute(job.export),
        environment={},
    )


def portable_ticket(job: Job, ticket: Ticket) -> Ticket:
    """The ticket, the path of a task `KIND:PATH` absolute."""
    if path_task(ticket.task):
        kind, path = ticket.task.split(":", 1)
        return replace(ticket, task=f"{kind}:{job.folder / path}")
    return ticket


def needed_paths(job: Job, tickets: Iterable[Ticket]) -> list[Path]:
    """What a machine must have to run these cells, of a portable job and portable tickets."""
    tasks = {ticket.task for ticket in tickets}
    own = [Path(task.split(":", 1)[1]) for task in sorted(tasks) if path_task(task)]
    own += [Path(name) for name in re.split(",|->", job.pairs or "") if os.path.isabs(name)]
    return [path for path in (*job.plugins, job.data_dir, job.teacher, *own) if path]


def check_paths(paths: Sequence[Path]) -> None:
    """Raises UsageError if one of them is not on this machine."""
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path} is not on {socket.gethostname()}: plugins, data and teachers are read where cells run. Put "
                "them on storage that every machine has at the same place, or copy them there"
            )


@dataclass(frozen=True)
class Token:
    """A small file in a folder. A machine that reads the same content at the same path has the same folder."""

    path: Path
    content: str

    @property
    def seen(self) -> bool:
        """Whether this machine has it."""
        try:
            return self.path.read_text() == self.content
        except OSError:
            return False


class Tokens:
    """The tokens of a run, there while it goes on: in its results folder, and beside the student that it exports."""

    def __init__(self, job: Job) -> None:
        self._claims = Store(job.results).claims
        self._name = f"token-{secrets.token_hex(8)}"
        self.results = Token(job.results / FOLDER / self._name, secrets.token_hex(16))
        self.export = job.export and Token(nearest(job.export.parent) / f".{self._name}", secrets.token_hex(16))

    def __enter__(self) -> Tokens:
        # Other runs remove from the folder of runs what nobody has the claim of.
        self._claims.take(claim(self._name))
        self.results.path.parent.mkdir(parents=True, exist_ok=True)
        for token in filter(None, (self.results, self.export)):
            write_whole(token.path, token.content)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for token in filter(None, (self.results, self.export)):
            token.path.unlink(missing_ok=True)
        self._claims.release(claim(self._name))
