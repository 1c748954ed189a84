"""kill -9 at random moments of a sweep, over and over; after each the same command goes on. Counts what goes wrong.

`python tests/executors/random_kills.py 100 [--seed N] [--toy] [--folder DIR]`; exit code 1 if anything did.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from sweep import DIGITS, TOY, Sweep

KINDS = (
    "records lost",
    "half-written",
    "duplicates",
    "teachers damaged",
    "bits that differ",
    "boards that differ",
    "wrong exit codes",
    "left running",
)
VICTIMS = {"worker": 11, "parent": 3, "parent and workers": 3, "forkserver": 3}
"""Who is killed, and how often in 20."""
MOMENTS = {"at random": 8, "teacher": 1, "checkpoint": 3, "record": 6, "board": 2}
"""When, and how often in 20: while such a file is written, or at any moment."""
LOOK_EVERY_SECONDS = 0.0005
FIND_EVERY_SECONDS = 0.5
"""How often the processes are looked for."""


class Kills:
    """Runs sweeps in a folder, and kills them."""

    def __init__(self, selection: tuple[str, ...], folder: Path, seed: int) -> None:
        self.selection = selection
        self.folder = folder
        self.seed = seed
        self.done = self.tries = self.sweeps = 0
        self.random = random.Random()
        self.faults: Counter[str] = Counter()
        self.records = Path()
        began = time.monotonic()
        first = self._sweep("undisturbed")
        code = first.start().wait()
        self.seconds = time.monotonic() - began
        self.records = next(iter(first.finished()), first.results).parent.relative_to(first.results)
        self.undisturbed: dict[str, Any] = first.bits()
        if code or list(first.faults(self.undisturbed)):
            sys.exit(f"the undisturbed sweep failed:\n{first.output.read_text()}\n{list(first.faults({}))}")
        print(f"undisturbed: {len(first.finished())} cells in {self.seconds:.1f} s", flush=True)

    def run(self, kills: int) -> bool:
        """Whether nothing went wrong."""
        while self.done < kills:
            self.sweeps += 1
            sweep = self._sweep(f"sweep-{self.sweeps}")
            if self.sweeps % 3 == 0:  # the cache of the one before is kept
                shutil.copytree(self.folder / f"cache-sweep-{self.sweeps - 1}", sweep.cache)
            self._complete(sweep, kills)
            for kind, what in sweep.faults(self.undisturbed):
                self._fault(kind, what)
            for process in sweep.left_running():
                self._fault("left running", str(process))
                process.kill()
        counts = ", ".join(f"{self.faults[kind]} {kind}" for kind in KINDS)
        print(f"{self.done} kills, {self.sweeps} sweeps completed: {counts}", flush=True)
        return not self.faults

    def _sweep(self, name: str) -> Sweep:
        return Sweep(self.selection, self.folder / name, self.folder / f"cache-{name}", self.records)

    def _complete(self, sweep: Sweep, kills: int) -> None:
        """Gives the command, kills what it does, and gives it again, until it has come to its end."""
        finished: dict[Path, bytes] = {}
        hit = True
        while hit:
            command = sweep.start()
            began, before = time.monotonic(), self.done
            while self.done < kills and self._kill_one(sweep, command, began):
                now = sweep.finished()
                for path in finished:
                    if now.get(path) != finished[path]:
                        self._fault("records lost", str(path))
                finished = now
            code, hit = command.wait(), self.done > before
            # 1: a cell whose process was killed twice has failed, and is run again.
            if code and not (hit and (code == -9 or (code == 1 and sweep.failed()))):
                self._fault("wrong exit codes", f"{code}:\n{sweep.output.read_text()}")
            hit = hit and code != 0

    def _kill_one(self, sweep: Sweep, command: subprocess.Popen, began: float) -> bool:
        """Waits for a moment, and kills somebody. False: the command ended before."""
        self.tries += 1
        self.random.seed(f"{self.seed}, {self.tries}")
        moment, victim = self._choose(MOMENTS), self._choose(VICTIMS)
        # Within a quarter of what the undisturbed sweep took: so most commands are killed more than once.
        at = time.monotonic() + self.random.uniform(0, self.seconds / 4)
        looked, victims = 0.0, []
        while time.monotonic() < at if moment == "at random" else not sweep.writes(moment):
            if command.poll() is not None:
                return False
            if time.monotonic() - looked > FIND_EVERY_SECONDS:  # it takes longer than most files are written
                looked, victims = time.monotonic(), self._victims(sweep, command, victim)
            time.sleep(LOOK_EVERY_SECONDS)
        if command.poll() is not None:
            return False
        killed = [process for process in victims if _kill(process)]
        if not killed:
            return True  # none of them was there yet, or any more
        if command.pid in [process.pid for process in killed]:
            command.wait()
        psutil.wait_procs(killed, timeout=1)  # none is killed twice
        self.done += 1
        left, done = ", ".join(sweep.unfinished()) or "nothing", len(sweep.finished())
        print(
            f"{self.done:3} sweep {self.sweeps}, {time.monotonic() - began:5.1f} s, {moment:9}: killed {victim} "
            f"({len(killed)}); teacher {sweep.teacher()}, {done} cells done, unfinished: {left}",
            flush=True,
        )
        return True

    def _victims(self, sweep: Sweep, command: subprocess.Popen, victim: str) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            found = sweep.processes(command)
            self.random.shuffle(found.workers)
            return {
                "worker": found.workers[:1],
                "parent": [found.parent],
                "parent and workers": [found.parent, *found.workers],
                "forkserver": found.forkserver,
            }[victim]
        return []

    def _choose(self, weights: dict[str, int]) -> str:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def _fault(self, kind: str, what: str) -> None:
        self.faults[kind] += 1
        print(f"    {kind.upper()} (sweep {self.sweeps}): {what}", flush=True)


def _kill(process: psutil.Process) -> bool:
    """Whether it was there."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--toy", action="store_true", help="the toy task in place of digits")
    parser.add_argument("--folder", type=Path, help="a new folder, which stays (default: one that is removed)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return not Kills(TOY if given.toy else DIGITS, folder, given.seed).run(given.kills)


if __name__ == "__main__":
    sys.exit(main())
