"""`run --executor`: where the cells run, a function for each kind of place, and the options for them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.cli.options import count
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.engine.place import Place
    from bench.executors.job import Job
    from bench.executors.outcome import Executor, Watcher
    from bench.store import Store


@dataclass(frozen=True)
class Where:
    """A place to plan for, and how to run there."""

    place: Place
    executor: Callable[[Job, int], tuple[int, Callable[[Watcher], Executor]]]
    """For a job of so many cells: how many run at a time, and what makes the executor."""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--executor",
        choices=sorted(EXECUTORS),
        default="local",
        help="where cells run: processes of this machine, or jobs of a cluster (default: %(default)s)",
    )
    parser.add_argument("--cpus", type=count, metavar="N", help="cores of a job")
    parser.add_argument("--gpus", type=float, metavar="N", help="GPUs of a job; it runs one cell on each")
    slurm_options = parser.add_argument_group("--executor slurm")
    slurm_options.add_argument("--partition", metavar="NAME", help="(default: the cluster's)")
    slurm_options.add_argument(
        "--time", metavar="LIMIT", help="of a job, in minutes or as SLURM writes it; then it goes on as a new one"
    )
    slurm_options.add_argument("--jobs", type=count, metavar="N", help="how many run side by side (default: 8)")
    slurm_options.add_argument(
        "--slurm",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a further option of sbatch, e.g. account=vision; may be given several times",
    )


def local(given: argparse.Namespace, store: Store) -> Where:
    """Processes of this machine, or this process itself."""
    refuse(given, "--cpus", "--gpus", "--partition", "--time", "--jobs", "--slurm")
    from bench.engine.place import place_here
    from bench.executors.here import Here
    from bench.executors.local import Local
    from bench.executors.seats import seats
    from bench.executors.worker_process import warm_up

    if given.workers != 0 and not given.dry_run:
        warm_up()
    place = place_here(given.device)

    def executor(job: Job, cells: int) -> tuple[int, Callable[[Watcher], Executor]]:
        if given.workers == 0:
            return 1, lambda watcher: Here(job, place.device, watcher)
        places = seats(place, given.workers)[:cells]
        return len(places), lambda watcher: Local(job, places, watcher, given.timeout)

    return Where(place, executor)


def slurm(given: argparse.Namespace, store: Store) -> Where:
    """Jobs of a SLURM cluster, planned for the hardware that they get there."""
    refuse(given, "--workers", "--export-student")
    if not given.time:
        raise UsageError("--executor slurm needs --time, the time limit of a job: e.g. --time 12:00:00")
    gpus = given.gpus or 0
    if gpus < 0 or gpus != int(gpus):
        raise UsageError(f"--gpus {gpus:g}: a job of SLURM has a whole number of GPUs")
    from bench.executors.slurm_cluster import Resources, SlurmCluster, load_submitit, parse_minutes, parse_options

    resources = Resources(
        parse_minutes(given.time), given.partition, int(gpus), given.cpus or None, parse_options(given.slurm)
    )
    load_submitit()
    from bench.executors.slurm import MOST_JOBS, Slurm
    from bench.executors.slurm_place import ask, kept_path, kept_place

    device = given.device if given.device != "auto" else "cuda" if gpus else "cpu"
    kept = kept_path(store, resources, device)
    place = kept_place(kept)
    if place is None:
        if given.dry_run:
            raise UsageError(
                f"no node of {resources} has told its hardware yet, which the plan is for: without --dry-run, the "
                "command asks one first"
            )
        place = ask(SlurmCluster(), store, resources, device, lambda text: print(text, flush=True))

    def executor(job: Job, cells: int) -> tuple[int, Callable[[Watcher], Executor]]:
        jobs = min(given.jobs or MOST_JOBS, cells)
        there = absolute(job)
        return jobs * max(1, int(gpus)), lambda watcher: Slurm(there, device, resources, watcher, jobs, given.timeout)

    return Where(place, executor)


def absolute(job: Job) -> Job:
    """The job with paths that mean the same on every machine, and with nothing of this machine's environment."""
    return replace(
        job,
        results=job.results.absolute(),
        plugins=tuple(path.absolute() for path in job.plugins),
        data_dir=job.data_dir and job.data_dir.absolute(),
        teacher=job.teacher and job.teacher.absolute(),
        environment={},
    )


def refuse(given: argparse.Namespace, *options: str) -> None:
    """Raises UsageError for an option that means nothing to this executor."""
    for option in options:
        if getattr(given, option.removeprefix("--").replace("-", "_")) not in (None, []):
            raise UsageError(f"{option} is not for --executor {given.executor}: see `python -m bench run --help`")


EXECUTORS = {"local": local, "slurm": slurm}
