"""The best student of a command, saved in the form that its own library loads."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from bench.cell import Cell
from bench.engine.observed import Observed
from bench.errors import UsageError

DESCRIPTION = "kdbench.json"


class StudentExport:
    """A folder that holds the student with the best evaluation on `select` so far, of all processes of a run."""

    def __init__(
        self,
        folder: Path,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
        say: Callable[[str], None] = print,
    ) -> None:
        """turn: entered while the folder is looked at and written, by one process at a time."""
        self.folder = folder
        self.turn = turn
        self.say = say
        self.failed = False
        """Whether the last student that was offered should be in the folder and is not."""

    @staticmethod
    def check_new(folder: Path) -> None:
        """A folder that holds anything raises UsageError: nothing is overwritten but by a better student."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"--export-student {folder}: it exists and is not empty. Name a new folder.")

    @property
    def best(self) -> float:
        """The evaluation on `select` of the student in the folder; minus infinity without one."""
        description = self.folder / DESCRIPTION
        return json.loads(description.read_text())["select"] if description.is_file() else -math.inf

    def offer(self, cell: Cell, student: Observed, select: float, test: dict[str, float], floor: float | None) -> None:
        """Saves the student if none before was better on `select`.

        student: with the weights of its best evaluation on `select`; select and test: its metrics there; floor: what
        the most frequent class alone reaches on `select`.
        """
        self.failed = False
        with self.turn():
            if select <= self.best:
                return
            self._save(cell, student, select, test)
        if not self.failed and floor is not None and select <= floor:
            self.say(
                f"NOT better than one class for everything: {select:.2f} on select, where that gives {floor:.2f}. More "
                "epochs (--protocol) or more examples may help."
            )

    def _save(self, cell: Cell, student: Observed, select: float, test: dict[str, float]) -> None:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=f".{self.folder.name}-") as scratch:
                made = Path(scratch) / "new"
                made.mkdir()
                description = {
                    "load": cell.task.save(student.network, made),
                    "cell": str(cell),
                    "key": cell.key,
                    **({"inputs": cell.task.input_format} if cell.task.input_format else {}),
                    **({"classes": cell.task.class_names} if cell.task.class_names else {}),
                    **({"test_examples": list(cell.task.held_out)} if cell.task.held_out else {}),
                    "metric": cell.task.metric,
                    "precision": cell.precision,
                    "select": select,
                    "test": test,
                }
                (made / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
                if self.folder.exists():
                    os.replace(self.folder, Path(scratch) / "old")
                shutil.move(made, self.folder)
        except Exception as error:
            # Whatever the network's library objects to: the cell itself is fine, and its record must not be lost.
            self.failed = True
            self.say(f"NOT exported: --export-student {self.folder} cannot be written: {error}")
            return
        self.say(f"exported to {self.folder}: {cell}, {cell.task.metric} {test[cell.task.metric]:.2f} on test")
