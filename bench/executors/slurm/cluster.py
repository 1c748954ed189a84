"""SLURM as a cluster that has it is asked: sbatch through submitit, squeue, scancel."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bench.errors import BenchError, UsageError

PATIENCE_SECONDS = 60
"""How long SLURM's programs may take to answer."""
MOST_RESTARTS = 1000
"""How often a job that has reached its time limit is put back into the queue."""
LEAST_MINUTES = 5
"""SLURM warns a job up to 150 seconds before its end: in less time than this, hardly anything would be done."""
OWN = (
    *("array", "chdir", "cpus-per-task", "error", "gpus-per-node", "job-name", "nodes", "no-requeue", "ntasks"),
    *("ntasks-per-node", "open-mode", "output", "parsable", "partition", "requeue", "signal", "time", "wrap"),
)
"""Options of sbatch that are not the user's to give with --slurm: this file or submitit sets them."""
TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<parts>\d+(?::\d+){0,2})")


class QueueError(BenchError):
    """The queue cannot be asked: what runs there is not known."""


@dataclass(frozen=True)
class Resources:
    """What a job asks for."""

    minutes: int
    partition: str | None = None
    """None: the cluster's default one."""
    gpus: int = 0
    cpus: int | None = None
    """None: what the cluster gives a job."""
    options: tuple[tuple[str, str], ...] = ()
    """Further ones of sbatch, in its long names; an empty value: a flag."""

    def __str__(self) -> str:
        further = "".join(f", {name}={value}" if value else f", {name}" for name, value in self.options)
        cpus = f", {self.cpus} CPUs" if self.cpus else ""
        return f"{f'partition {self.partition}' if self.partition else 'the default partition'}{cpus}" + (
            f", {self.gpus} GPUs{further}" if self.gpus else further
        )


@dataclass(frozen=True)
class QueuedJob:
    """A line of squeue."""

    id: str
    """Of an element of an array: `56_0`."""
    state: str
    """SLURM's word: PENDING, RUNNING, …"""
    reason: str
    """Why it waits."""
    node: str
    name: str


class Cluster(Protocol):
    """What the executor asks of SLURM: see SlurmCluster."""

    def submit(
        self, name: str, folder: Path, resources: Resources, tasks: Sequence[Callable[[], None]]
    ) -> list[str]: ...
    def queue(self, names: Sequence[str]) -> list[QueuedJob]: ...
    def cancel(self, name: str) -> None: ...


class SlurmCluster:
    """The cluster of this machine's SLURM programs."""

    def submit(self, name: str, folder: Path, resources: Resources, tasks: Sequence[Callable[[], None]]) -> list[str]:
        """One job, or one array of jobs, a task each; returns their ids. Logs and pickles are in the folder.

        Raises UsageError if SLURM does not take them.
        """
        submitit = load_submitit()
        if not shutil.which("sbatch"):
            raise UsageError("SLURM's sbatch is not on this machine: give the command where jobs are submitted from")
        executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=MOST_RESTARTS)
        asked = {"partition": resources.partition, "gpus_per_node": resources.gpus or None}
        if resources.cpus:
            # srun does not take it over from the job by itself in every version.
            asked |= {"cpus_per_task": resources.cpus, "srun_args": ["--cpus-per-task", str(resources.cpus)]}
        executor.update_parameters(
            job_name=name,
            time=resources.minutes,
            array_parallelism=len(tasks),
            additional_parameters={option: value or True for option, value in resources.options} | {"requeue": True},
            **{option: value for option, value in asked.items() if value is not None},
        )
        try:
            with contextlib.redirect_stderr(io.StringIO()), executor.batch():
                jobs = [executor.submit(task) for task in tasks]
        except submitit.core.utils.FailedJobError as error:
            raise UsageError(f"SLURM does not take a job for {resources}: {error}") from error
        return [job.job_id for job in jobs]

    def queue(self, names: Sequence[str]) -> list[QueuedJob]:
        """The jobs of these names that wait or run. Raises QueueError if SLURM does not tell."""
        if not names:
            return []
        lines = _output(["squeue", "--noheader", "--array", "--name", ",".join(names), "--format", "%i|%T|%r|%N|%j"])
        jobs = [QueuedJob(*line.strip().split("|", 4)) for line in lines.splitlines() if line.count("|") >= 4]
        return [replace(job, reason="not told yet") if job.reason == "None" else job for job in jobs]

    def cancel(self, name: str) -> None:
        """Ends the jobs of this name."""
        _output(["scancel", "--name", name])


def load_submitit():
    """The library, its own log silenced. Raises UsageError if it is not installed."""
    try:
        import submitit
    except ImportError as error:
        raise UsageError(
            f"--executor slurm needs submitit, which cannot be imported here ({error}): pip install 'kdbench[slurm]'"
        ) from error
    logging.getLogger("submitit").setLevel(logging.ERROR)
    return submitit


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise QueueError(f"{command[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise QueueError(f"{command[0]} has not answered for {PATIENCE_SECONDS} seconds") from error
    if done.returncode:
        raise QueueError(f"{command[0]} does not answer: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def parse_minutes(text: str) -> int:
    """A time limit as sbatch takes it, in whole minutes, rounded up.

    `90`, `90:00`, `1:30:00`, `1-12`, `1-12:30`, `1-12:30:00`. Raises UsageError.
    """
    match = TIME.fullmatch(text)
    if not match:
        raise UsageError(f"--time {text!r}: expected minutes or a form of SLURM's, e.g. 90, 12:00:00 or 2-00:00:00")
    parts = [int(part) for part in match["parts"].split(":")]
    if match["days"]:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    total = int(match["days"] or 0) * 1440 + hours * 60 + minutes + -(-seconds // 60)
    if total < LEAST_MINUTES:
        raise UsageError(f"--time {text!r} is {total} minutes: a job needs {LEAST_MINUTES}, better some hours")
    return total


def parse_options(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`NAME=VALUE` or `NAME`, as sbatch has them behind `--`, in the order of names. Raises UsageError."""
    options: dict[str, str] = {}
    for text in texts:
        name, _, value = text.removeprefix("--").partition("=")
        if not re.fullmatch(r"[a-z][a-z-]*", name) or not value.isprintable():
            raise UsageError(f"--slurm {text!r}: expected a long option of sbatch, e.g. account=vision or exclusive")
        if name in OWN:
            raise UsageError(f"--slurm {text!r}: {name} is not free, see --partition, --time, --gpus, --cpus, --jobs")
        options[name] = value
    return tuple(sorted(options.items()))
