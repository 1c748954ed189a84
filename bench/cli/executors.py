"""The executors as `run` chooses them: each says what the plan is for, and how the cells are run; and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bench.cli.options import amount, at_least_one
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.engine.place import Place
    from bench.executors.job import Job
    from bench.executors.outcome import Executor, Watcher

OF_RAY = ("--address",)
OF_SLURM = ("--partition", "--time", "--jobs", "--slurm")
RESOURCES = ("--cpus", "--gpus")


@dataclass(frozen=True)
class Chosen:
    """An executor that can be started."""

    place: Place
    """What the plan is for."""
    side_by_side: Callable[[int], int]
    """How many of so many cells run at a time."""
    start: Callable[[Job, int, Watcher], Executor]
    """The executor for a job of so many cells."""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Where cells run, and what each is given there."""
    parser.add_argument(
        "--executor",
        choices=tuple(EXECUTORS),
        default="local",
        help="where cells run: on this machine, on a Ray cluster, in jobs of SLURM (default: %(default)s)",
    )
    parser.add_argument(
        "--cpus",
        type=at_least_one,
        metavar="N",
        help="cores of one cell (ray; default: 1) or of one job (slurm; default: the cluster's)",
    )
    parser.add_argument(
        "--gpus",
        type=amount,
        metavar="X",
        help="GPUs of one cell, at most 1, or a part of one that cells share (ray; default: 1 where the cluster has "
        "any), or of one job, which runs a cell on each (slurm; default: 0)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="ray: the cluster's head, or auto on one of its nodes (default: $RAY_ADDRESS, else Ray on this machine)",
    )
    parser.add_argument("--partition", metavar="NAME", help="slurm: where jobs run (default: the cluster's)")
    parser.add_argument(
        "--time",
        metavar="LIMIT",
        help="slurm: of a job, in minutes or as SLURM writes it; then it goes on as a new one",
    )
    parser.add_argument(
        "--jobs", type=at_least_one, metavar="N", help="slurm: how many jobs run side by side (default: 8)"
    )
    parser.add_argument(
        "--slurm",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="slurm: a further option of sbatch, e.g. account=vision; may be given several times",
    )


@contextmanager
def local(given: argparse.Namespace) -> Iterator[Chosen]:
    """Processes of this machine, or this process alone."""
    refuse(given, *RESOURCES, *OF_RAY, *OF_SLURM)
    from bench.engine.place import place_here
    from bench.executors.here import Here
    from bench.executors.local import Local
    from bench.executors.seats import seats
    from bench.executors.worker_process import warm_up

    if given.workers == 0:
        refuse(given, "--timeout")
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
    refuse(given, *OF_SLURM)
    if find_spec("ray") is None:
        raise UsageError("--executor ray needs Ray: pip install 'kdbench[ray]'")
    if given.workers == 0:
        raise UsageError("--workers 0 runs cells in this process: not with --executor ray")
    if given.gpus is not None and given.gpus > 1:
        raise UsageError(f"--gpus {given.gpus:g}: a cell runs on one GPU or a part of it, expected at most 1")
    if given.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {given.device}: Ray gives each cell its GPU; name auto, cpu or cuda")
    from bench.executors.ray.cluster import Cluster, connected
    from bench.executors.ray.executor import Ray

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


@contextmanager
def slurm(given: argparse.Namespace) -> Iterator[Chosen]:
    """Jobs of a SLURM cluster, planned for the hardware that they get there."""
    refuse(given, "--workers", "--export-student", *OF_RAY)
    if not given.keep_going:
        raise UsageError("--no-keep-going is not for --executor slurm: jobs go on by themselves; scancel ends them")
    if not given.time:
        raise UsageError("--executor slurm needs --time, the time limit of a job: e.g. --time 12:00:00")
    gpus = given.gpus or 0
    if gpus != int(gpus):
        raise UsageError(f"--gpus {gpus:g}: a job of SLURM has a whole number of GPUs")
    from bench.executors.elsewhere import portable
    from bench.executors.slurm.cluster import Resources, SlurmCluster, load_submitit, parse_minutes, parse_options

    minutes, options = parse_minutes(given.time), parse_options(given.slurm)
    resources = Resources(minutes, given.partition, int(gpus), given.cpus, options)
    load_submitit()
    from bench.executors.slurm.executor import MOST_JOBS, Slurm
    from bench.executors.slurm.place import ask, kept_path, kept_place
    from bench.store import Store

    device = given.device if given.device != "auto" else "cuda" if gpus else "cpu"
    store = Store(given.results)
    place = kept_place(kept_path(store, resources, device))
    if place is None:
        if given.dry_run:
            raise UsageError(
                f"no node of {resources} has told its hardware yet, which the plan is for: without --dry-run, the "
                "command asks one first"
            )
        place = ask(SlurmCluster(), store, resources, device, lambda text: print(text, flush=True))
    most = given.jobs or MOST_JOBS

    def start(job: Job, cells: int, watcher: Watcher) -> Executor:
        return Slurm(portable(job), device, resources, watcher, min(most, cells), given.timeout)

    yield Chosen(place, lambda cells: min(most, cells) * max(1, int(gpus)), start)


def refuse(given: argparse.Namespace, *options: str) -> None:
    """Raises UsageError for an option that means nothing to this executor."""
    for option in options:
        if getattr(given, option.removeprefix("--").replace("-", "_")) not in (None, []):
            where = f"--executor {given.executor}" + (" with --workers 0" if given.workers == 0 else "")
            raise UsageError(f"{option} is not for {where}: see `python -m bench run --help`")


EXECUTORS: dict[str, Callable[[argparse.Namespace], AbstractContextManager[Chosen]]] = {
    "local": local,
    "ray": ray,
    "slurm": slurm,
}
