"""A sweep that is to be killed: its command, its processes, and what it has left on disk, checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.board.entries import BoardRecord
from bench.board.leaderboard import leaderboard
from bench.engine.teachers import read_header, read_weights, weights_digest
from bench.errors import BenchError
from bench.store import Store

HOUSE = Path(__file__).parents[2]
PLUGIN = Path(__file__).with_name("misbehaving.py")
DIGITS = ("--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8", "--seeds", "0-1")
TOY = ("--tasks", "mytoy", "--plugin", str(PLUGIN), "--methods", "scratch,kd,fitnets,at,sp,dml", "--seeds", "0-5")
BRIEF = ("--tasks", "mytoy", "--plugin", str(PLUGIN), "--methods", "scratch,kd")
OTHERS = ("--workers", "2", "--device", "cpu")
ENDS_WITHIN = 60.0
"""Seconds in which what a killed process has started must be gone: a process that imports torch ends after that."""


@dataclass
class Processes:
    """Those of a command that runs."""

    parent: psutil.Process
    forkserver: list[psutil.Process] = field(default_factory=list)
    workers: list[psutil.Process] = field(default_factory=list)


class Sweep:
    """One command, in a results folder and with a cache of its own."""

    def __init__(self, selection: tuple[str, ...], results: Path, cache: Path, records: Path = Path()) -> None:
        """records: where records are, from the results folder: of one task, protocol and pair."""
        self.results = results
        self.records = records
        self.cache = cache
        self.store = Store(results)
        self.output = results.with_suffix(".txt")
        self._command = [sys.executable, "-m", "bench", "run", *selection, *OTHERS, "--results", str(results)]

    def start(self) -> subprocess.Popen:
        """Gives the command."""
        environment = {"PYTHONPATH": f"{HOUSE}:{HOUSE / 'tests'}", "BENCH_CACHE": str(self.cache)}
        with open(self.output, "a") as output:
            return subprocess.Popen(
                self._command,
                cwd=HOUSE,
                env=os.environ | environment | {"OMP_NUM_THREADS": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def processes(self, command: subprocess.Popen) -> Processes:
        """What the command has started up to now."""
        found = Processes(psutil.Process(command.pid))
        for child in found.parent.children():
            if "multiprocessing.forkserver" in " ".join(child.cmdline()):
                found.forkserver.append(child)
                found.workers += child.children()
        return found

    def left_running(self) -> list[psutil.Process]:
        """Processes of this sweep that have not ended in time after its command."""
        end = time.monotonic() + ENDS_WITHIN
        while (left := [each for each in psutil.process_iter() if self._is_ours(each)]) and time.monotonic() < end:
            time.sleep(0.1)
        return left

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("BENCH_CACHE") == str(self.cache)
        except psutil.Error:
            return False

    def finished(self) -> dict[Path, bytes]:
        """The records of the cells that are done now."""
        return {path: path.read_bytes() for path in self.store.paths() if not path.name.endswith(".failed.json")}

    def failed(self) -> list[Path]:
        return [path for path in self.store.paths() if path.name.endswith(".failed.json")]

    def unfinished(self) -> list[str]:
        """What is written at this moment, or was when its process was killed."""
        found = {_kind(path) for root in (self.results, self.cache) for path in hidden(root)}
        return sorted(found - {"run file"})  # a run that is killed leaves its own, always

    def writes(self, what: str) -> bool:
        """Whether such a file is written at this moment; cheap enough to be asked all the time."""
        teachers, checkpoints = self.cache / "teachers", self.cache / "checkpoints"
        folders = {
            "teacher": [teachers],
            "checkpoint": [teachers, *(checkpoints / name for name in _names(checkpoints))],
            "record": [self.results / self.records],
            "board": [self.results, self.results / "figures"],
        }[what]
        names = [(folder, name) for folder in folders for name in _names(folder)]
        return any(_kind(Path(*each)) == what for each in names if each[1].startswith(".") or "unfinished" in each[1])

    def teacher(self) -> str:
        """In what state the teacher is."""
        names = [path.name for path in (self.cache / "teachers").glob("*")]
        if any(name.endswith(".safetensors") for name in names):
            return "there"
        return "begun" if any(name.endswith(".checkpoint") for name in names) else "not there"

    def bits(self) -> dict[str, Any]:
        """By key, what must be the same bits however a sweep came about; teachers by name."""
        bits: dict[str, Any] = {path.name: read_header(path).sha256 for path in self._teachers()}
        for _, record in self.store.records():
            curve = record.curve and (record.curve.select, record.curve.train_loss)
            teacher = record.teacher and record.teacher.sha256
            bits[record.key] = (record.status, curve, record.predictions, record.result, teacher)
        return bits

    def faults(self, undisturbed: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Each thing that is not as after an undisturbed sweep: which kind of fault, and what exactly."""
        for root in (self.results, self.cache):
            yield from (("half-written", str(path)) for path in hidden(root))
        yield from (("half-written", str(path)) for path in (self.cache / "checkpoints").rglob("*") if path.is_file())
        for path in self._teachers():
            try:
                if weights_digest(read_weights(path)) != read_header(path).sha256:
                    yield "teachers damaged", str(path)
            except BenchError as error:
                yield "teachers damaged", str(error)
        try:
            keys = Counter(record.key for _, record in self.store.records())
            bits = self.bits()
            board = leaderboard(self.store.records(BoardRecord), self.results, self.results / "LEADERBOARD.md")
            changes = board.differences()
        except BenchError as error:
            yield "half-written", str(error)
            return
        yield from (("duplicates", key) for key, count in keys.items() if count > 1)
        yield from (("records lost", f"{key} is not there") for key in undisturbed.keys() - bits.keys())
        for key in bits:
            if bits[key] != undisturbed.get(key):
                yield "bits that differ", f"{key}: {bits[key]} instead of {undisturbed.get(key)}"
        if changes:
            yield "boards that differ", changes

    def _teachers(self) -> list[Path]:
        return sorted((self.cache / "teachers").glob("[!.]*.safetensors"))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def hidden(root: Path) -> list[Path]:
    """Files that people do not see, but for the one of the claims."""
    found = []
    for folder, _, files in os.walk(root):
        apart = Path(folder).name.startswith(".")
        found += [Path(folder, name) for name in files if apart or name.startswith(".")]
    return [path for path in found if path.name != ".claims"]


def _kind(path: Path) -> str:
    """What a file that is not finished will be."""
    if path.parent.name == ".runs":
        return "run file"
    if path.name.startswith(".LEADERBOARD") or ".svg" in path.name:
        return "board"
    if ".checkpoint" in path.name:
        return "checkpoint"
    return "teacher" if ".safetensors" in path.name else "record" if ".json" in path.name else path.name
