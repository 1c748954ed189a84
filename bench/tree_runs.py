"""`run` in trees of source: the same cells by each of them, with records and teachers of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from bench.cache import cache_folder
from bench.cores import CORES_OF_A_WORKER, cores
from bench.errors import BenchError
from bench.followed import LAST_LINES, Followed, end_all
from bench.git import environment_without_hook
from bench.record import Record
from bench.store import Store
from bench.trees import PARTS, Tree

SOME_FAILED = 1
"""The exit code of `run` where cells failed, and also where it could not go on."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Share:
    """The part of the machine that each run is given. Without numbers: all, as `run` shares it out."""

    at_once: int
    """How many run side by side; 1: in turn."""
    workers: int | None = None
    threads: int | None = None
    """Of each worker."""

    @classmethod
    def of_cores(cls, at_once: int) -> Share:
        """The same number of cores for each of so many."""
        workers = max(1, cores() // (CORES_OF_A_WORKER * at_once))
        return cls(at_once, workers, max(1, cores() // (at_once * workers)))


@dataclass(frozen=True)
class TreeRun:
    """A tree and the results folder that its runs fill."""

    name: str
    """E.g. `base`."""
    tree: Tree
    results: Path

    def prepare(self) -> None:
        """Makes the folders."""
        self.cache.mkdir(parents=True, exist_ok=True)
        # Teachers are each tree's own; data are nobody's, and need not be downloaded twice.
        data, link = cache_folder() / "data", self.cache / "data"
        data.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(data.resolve(), target_is_directory=True)

    def check_source(self) -> None:
        """Raises BenchError if Python would take another source than this tree."""
        asks = f"import {', '.join(PARTS)}\nfor each in ({', '.join(PARTS)}): print(each.__file__)"
        found = self._output([sys.executable, "-c", asks]).splitlines()
        if any(not Path(file).resolve().is_relative_to(self.tree.folder.resolve()) for file in found):
            raise BenchError(
                f"{self.name} would not run its own source, {self.tree.folder}, but {', '.join(found)}: something puts "
                "another kdbench first on Python's path"
            )

    @property
    def cache(self) -> Path:
        """Of its teachers and checkpoints: hidden, so that nobody takes it for records."""
        return self.results / ".cache"

    def records(self) -> list[Record]:
        return [record for _, record in Store(self.results).records()]

    def start(self, words: Sequence[str], share: Share, say: Callable[[str], None]) -> Followed:
        """A run that has just begun. words: the arguments of `run`."""
        given = self.environment()
        further: list[str] = []
        if share.threads:
            given.setdefault("OMP_NUM_THREADS", str(share.threads))
        if share.workers and self._takes_workers:
            further = ["--workers", str(share.workers)]
        return Followed([*_command(words), *further], self.tree.folder, given, lambda line: say(f"{self.name}: {line}"))

    def lost(self, words: Sequence[str]) -> int | None:
        """How many of the cells have neither a record nor a failure; None if the tree cannot tell."""
        found = re.search(r"\b(\d+) missing\b", self._output([*_command(words), "--dry-run"]))
        return int(found[1]) if found else None

    def environment(self) -> dict[str, str]:
        """The variables of its processes: this tree goes before all other source."""
        made = environment_without_hook()
        others = [os.path.abspath(each) for each in made.get("PYTHONPATH", "").split(os.pathsep) if each]
        made["PYTHONPATH"] = os.pathsep.join([str(self.tree.folder), *others])
        if made.get("BENCH_DATA_DIR"):
            made["BENCH_DATA_DIR"] = os.path.abspath(made["BENCH_DATA_DIR"])
        return made | {"BENCH_CACHE": str(self.cache.absolute()), "PYTHONUNBUFFERED": "1"}

    @cached_property
    def methods(self) -> set[str]:
        """The names of the methods that the tree has."""
        return {each["name"] for each in json.loads(self._output(_command(["list", "methods", "--json"])))}

    @cached_property
    def _takes_workers(self) -> bool:
        """Older revisions run everything in one process, and have no such option."""
        return "--workers" in self._output(_command(["run", "--help"]))

    def _output(self, command: Sequence[str]) -> str:
        """What a command prints in the tree; one that fails raises BenchError."""
        done = subprocess.run(command, cwd=self.tree.folder, env=self.environment(), capture_output=True, text=True)
        if done.returncode:
            raise failed(self, command, done.returncode, (done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        return done.stdout


@dataclass(frozen=True)
class Order:
    """Cells for a tree to run."""

    run: TreeRun
    words: Callable[[tuple[int, ...]], list[str]]
    """The arguments of `python -m bench` for some of the seeds."""
    seeds: tuple[int, ...]


def run_all(orders: Sequence[Order], share: Share, say: Callable[[str], None]) -> None:
    """Runs all of them, to the end. A run that cannot go on raises BenchError; cells that fail have their records.

    say: takes every line that the runs print, the name of the run before it. Whatever happens, nothing runs on.
    """
    for group in in_groups(orders, share.at_once):
        _run_together(group, share, say)


def in_groups(orders: Sequence[Order], at_once: int) -> Iterator[list[Order]]:
    """What runs at the same time, group after group.

    In turn they go seed by seed, first to last and last to first: a machine that slows down favours none of them.
    """
    of_runs: dict[str, list[Order]] = {}
    for order in orders:
        of_runs.setdefault(order.run.name, []).append(order)
    if at_once == 1 and len(of_runs) > 1:
        for number, seed in enumerate(sorted({seed for order in orders for seed in order.seeds})):
            for order in reversed(orders) if number % 2 else orders:
                if seed in order.seeds:
                    yield [replace(order, seeds=(seed,))]
        return
    for each in zip_longest(*of_runs.values()):
        together = [order for order in each if order]
        for start in range(0, len(together), at_once):
            yield together[start : start + at_once]


def failed(run: TreeRun, command: Sequence[str], code: int, last: Sequence[str]) -> BenchError:
    """The error for a command that a tree cannot carry out."""
    shown = "".join(f"\n  {line}" for line in last) or " nothing"
    return BenchError(
        f"{run.name}, {run.tree.says}, cannot be run: `{' '.join(command[1:])}` ended with exit code {code}. The last "
        f"that it printed:{shown}"
    )


def _run_together(group: Sequence[Order], share: Share, say: Callable[[str], None]) -> None:
    running: dict[Followed, Order] = {}
    try:
        for order in group:
            running[order.run.start(order.words(order.seeds), share, say)] = order
        while running:
            for process in [each for each in running if each.ended() is not None]:
                order = running.pop(process)
                _check(order, process)
            time.sleep(LOOK_SECONDS)
    finally:
        end_all(running)


def _check(order: Order, process: Followed) -> None:
    """Raises BenchError if a run has ended without all of its cells: a board without them proves nothing."""
    code, words = process.ended(), order.words(order.seeds)
    if code == 0 or (code == SOME_FAILED and order.run.lost(words) == 0):
        return
    raise failed(order.run, _command(words), code, process.last)


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "bench", *words]
