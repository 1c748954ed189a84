"""The executors as `run` chooses them: each says what the plan is for, and how the cells are run."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from bench.engine.place import Place, place_here
from bench.errors import UsageError
from bench.executors.job import Job
from bench.executors.outcome import Executor, Watcher


@dataclass(frozen=True)
class Chosen:
    """An executor that can be started."""

    place: Place
    """What the plan is for."""
    side_by_side: Callable[[int], int]
    """How many of so many cells run at a time."""
    start: Callable[[Job, int, Watcher], Executor]
    """The executor for a job of so many cells."""


@contextmanager
def local(given: argparse.Namespace) -> Iterator[Chosen]:
    """Processes of this machine, or this process alone."""
    from bench.executors.here import Here
    from bench.executors.local import Local, warm_up
    from bench.executors.seats import seats

    for option in ("address", "cpus", "gpus"):
        if getattr(given, option) is not None:
            raise UsageError(
                f"--{option} is for --executor ray; on this machine, --workers and --device say what is used"
            )
    if given.workers == 0:
        place = place_here(given.device)
        yield Chosen(place, lambda cells: 1, lambda job, cells, watcher: Here(job, place.device, watcher))
        return
    if not given.dry_run:
        warm_up()
    place = place_here(given.device)

    def start(job: Job, cells: int, watcher: Watcher) -> Executor:
        return Local(job, seats(place, given.workers)[:cells], watcher, given.timeout)

    yield Chosen(place, lambda cells: len(seats(place, given.workers)[:cells]), start)


@contextmanager
def ray(given: argparse.Namespace) -> Iterator[Chosen]:
    """Slots of a Ray cluster. The plan is for the hardware of the first one."""
    if find_spec("ray") is None:
        raise UsageError("--executor ray needs Ray: pip install 'kdbench[ray]'")
    if given.workers == 0:
        raise UsageError("--workers 0 runs cells in this process: not with --executor ray")
    if given.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {given.device}: Ray gives each cell its GPU; name auto, cpu or cuda")
    from bench.executors.ray import Ray
    from bench.executors.ray_cluster import Cluster, connected

    with connected(given.address):
        cluster = Cluster(given.cpus or 1, given.gpus, wants_gpu=given.device != "cpu")
        device = "cuda" if cluster.gpus and given.device != "cpu" else "cpu"
        if given.device == "cuda" and not cluster.gpus:
            raise UsageError("--device cuda: the cluster has no GPU, or --gpus 0 gives none to a cell")
        print("asking a node of the cluster for its hardware", flush=True)
        place = cluster.place(device)
        yield Chosen(
            place,
            lambda cells: min(cells, given.workers or cells, cluster.room()),
            lambda job, cells, watcher: Ray(job, cluster, device, watcher, given.timeout, given.workers),
        )


EXECUTORS: dict[str, Callable[[argparse.Namespace], AbstractContextManager[Chosen]]] = {"local": local, "ray": ray}
