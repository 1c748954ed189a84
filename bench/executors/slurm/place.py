"""The hardware of a partition's nodes, which plans are made for: a small job is asked once, its answer is kept."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bench.engine.place import Place, place_here
from bench.errors import BenchError, StoreError, UsageError
from bench.executors.log import last_lines
from bench.executors.slurm.cluster import Cluster, QueueError, Resources
from bench.identity import key_of
from bench.record import Machine, Part
from bench.runs import FOLDER
from bench.store import Store, write_whole

LOOK_AGAIN_SECONDS = 2.0
LATE_SECONDS = 60.0
"""How long a file may take to be seen from another machine of a shared file system."""


class Answer(Part):
    """What the job leaves."""

    node: str
    place: Place


@dataclass(frozen=True)
class Question:
    """The job that is asked, for submitit to pickle."""

    device: str
    answer: Path
    error: Path

    def __call__(self) -> None:
        try:
            place = place_here(self.device)
        except BenchError as error:
            write_whole(self.error, f"{socket.gethostname()}: {error}\n")
            raise
        write_whole(self.answer, Answer(node=socket.gethostname(), place=place).model_dump_json(indent=1) + "\n")


def kept_path(store: Store, resources: Resources, device: str) -> Path:
    """Where the answer for these resources is kept; removed, the question is asked again."""
    asked = dataclasses.asdict(resources) | {"device": device}
    del asked["minutes"]
    return store.root.absolute() / FOLDER / "places" / f"{key_of(asked)[:12]}.json"


def kept_place(path: Path) -> Place | None:
    """The answer that is kept; None: there is none. Raises StoreError for a file that is not one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        answer = Answer.model_validate_json(content)
        TypeAdapter(Machine).validate_python(answer.place.machine)
    except ValidationError as error:
        raise StoreError(
            f"{path} does not tell the hardware of a node: remove it, and a node is asked again"
        ) from error
    return answer.place


def ask(
    cluster: Cluster,
    store: Store,
    resources: Resources,
    device: str,
    say: Callable[[str], None],
    late: float = LATE_SECONDS,
) -> Place:
    """Asks a node, waits for its answer, and keeps it.

    late: seconds that the answer may take to be seen here. Raises UsageError with what the job says if it gives none.
    """
    path = kept_path(store, resources, device)
    name = f"kdbench-ask-{uuid.uuid4().hex[:8]}"
    place = path.parent / name
    error = place / "error.txt"
    place.mkdir(parents=True)
    try:
        [job] = cluster.submit(name, place, resources, [Question(device, path, error)])
    except BenchError:
        shutil.rmtree(place)
        raise
    say(f"asking a node of {resources} for its hardware: job {job}, log folder {place}")
    try:
        wait_for(cluster, name, say)
    except KeyboardInterrupt:
        with suppress(QueueError):
            cluster.cancel(name)
        raise
    until = time.monotonic() + late
    while not path.exists() and not error.exists() and time.monotonic() < until:
        time.sleep(min(LOOK_AGAIN_SECONDS, late))
    answer = kept_place(path)
    if answer:
        shutil.rmtree(place, ignore_errors=True)
        return answer
    if error.exists():
        raise UsageError(f"a node of {resources} cannot be planned for: {error.read_text().strip()}")
    logs = sorted(place.glob("*_log.err"))
    end = last_lines(logs[0]) if logs else ""
    raise UsageError(
        f"job {job} has left the queue, but not its answer {path}. "
        + (
            f"The end of {logs[0]}:\n{end}"
            if end
            else "Are the results in a folder that the nodes share? See --results"
        )
    )


def wait_for(cluster: Cluster, name: str, say: Callable[[str], None]) -> None:
    """Waits until the jobs of this name have left the queue, and says what holds them up."""
    said = None
    while True:
        try:
            jobs = cluster.queue([name])
            now = "; ".join(f"job {job.id} waits in the queue ({job.reason})" for job in jobs if job.state == "PENDING")
        except QueueError as error:
            jobs, now = None, f"the queue is not known: {error}"
        if jobs == []:
            return
        if now and now != said:
            say(now)
        said = now
        time.sleep(LOOK_AGAIN_SECONDS)
