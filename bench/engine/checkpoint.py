"""A training's state on disk after each evaluation, so that one that was interrupted goes on from the last of them.

A file is what `torch.save` wrote, and its sha256. It is read as tensors and plain data alone: nothing in it runs.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from bench.engine.hardware import fingerprint
from bench.engine.provenance import package_digest, versions
from bench.engine.training import Training
from bench.method import Method
from bench.registry import source_digest
from bench.task import Task

AGAIN = "a training that was interrupted starts again"
DIGEST = hashlib.sha256().digest_size


class Checkpoint:
    """The file of one training. Whoever opens it holds that training: nobody else writes the file."""

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        """say: told, once, why there is no checkpoint."""
        self.path = path
        self._say = say
        # Always the same name, so what a killed process left is written over, or removed with the checkpoint.
        self._unfinished = path.with_name(f"{path.name}.unfinished")
        self._given_up = self._said = False

    def load(self, conditions: dict[str, Any]) -> dict[str, Any] | None:
        """The state, on the CPU, if it was saved under these conditions. Else None, after saying what is wrong."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"checkpoint {self.path} cannot be read ({error.strerror or error}): {AGAIN}")
            return None
        content, digest = content[:-DIGEST], content[-DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            self._say(f"checkpoint {self.path} is damaged (its checksum differs): {AGAIN}")
            return None
        try:
            stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
            before = stored["conditions"]
            names = [name for name in {**conditions, **before} if before.get(name) != conditions.get(name)]
            state = None if names else stored["state"]
        except MemoryError:
            raise  # the file is good
        except Exception as error:  # whoever made such a file with its checksum can make torch raise anything
            self._say(f"checkpoint {self.path} is not one of kdbench ({type(error).__name__}): {AGAIN}")
            return None
        if names:
            differing = "; ".join(f"{name}: was {before.get(name)}, now {conditions.get(name)}" for name in names)
            self._say(f"checkpoint {self.path} cannot be used ({differing}): {AGAIN}")
        return state

    def save(self, conditions: dict[str, Any], state: dict[str, Any]) -> None:
        """Takes the place of the state before. Where it cannot be written, that one stays.

        conditions: names and plain values, which must be equal when it is loaded. state: tensors and plain data.
        """
        if self._given_up:
            return
        try:
            content = io.BytesIO()
            torch.save({"conditions": conditions, "state": state}, content)
            content.write(hashlib.sha256(content.getbuffer()).digest())
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._unfinished.write_bytes(content.getbuffer())
            # Not forced onto the disk first: the checksum tells a file that a crash of the system has torn.
            os.replace(self._unfinished, self.path)
        except Exception as error:  # a full disk, an optimiser that cannot be pickled: the training is worth more
            self._say_once(f"checkpoint {self.path} cannot be written ({error}): {AGAIN}")
            self._remove(self._unfinished)

    def give_up(self, reason: str) -> None:
        """There is no checkpoint from here on."""
        self._given_up = True
        self._say_once(f"no checkpoint: {reason}: {AGAIN}")
        self.clear()

    def clear(self) -> None:
        """Removes the file."""
        self._remove(self.path)
        self._remove(self._unfinished)

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._say_once(f"checkpoint {path} cannot be removed ({error.strerror or error})")

    def _say_once(self, text: str) -> None:
        if not self._said:
            self._said = True
            self._say(text)


def conditions(
    key: str, device: torch.device, method: Method, task: Task, teacher: str | None = None
) -> dict[str, str | int | None]:
    """What must be the same for a training to go on to the bit.

    key: of the cell or of the teacher that is trained. teacher: the sha256 of the weights of the cell's teacher.
    """
    return {
        "key": key,
        "teacher": teacher,
        "machine": fingerprint(device),
        "device": device.type,
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
        # On a GPU they decide no bit.
        "threads": torch.get_num_threads() if device.type == "cpu" else None,
        "source of kdbench": package_digest(),
        "source of the method": source_digest(type(method)),
        "source of the task": source_digest(type(task)),
        **versions(),
    }


def unsaved(method: Method, training: Training) -> list[str]:
    """Attributes that the method set on itself or on its training: no state dict holds them."""
    own = vars(method).keys() - {field.name for field in fields(method)}
    return [f"self.{name}" for name in sorted(own)] + [f"training.{name}" for name in training.foreign_attributes()]
