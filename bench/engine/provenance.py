"""Where a record came from: commit, versions, the method's source, and the command that makes it again."""

from __future__ import annotations

import inspect
import platform
import shlex
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch

import bench
from bench.cell import Cell
from bench.record import Provenance
from bench.registry import PLUGIN_MODULE, source_digest
from bench.trees import source_root, state_of_checkout, tree_digest

PACKAGES = ("torch", "torchvision", "timm", "transformers", "tokenizers", "numpy", "scipy", "scikit-learn")


def provenance(cell: Cell, device: torch.device, teacher: Path | None, started: datetime) -> Provenance:
    """The provenance of a cell that is being run now."""
    commit, dirty = git_state()
    return Provenance(
        commit=commit,
        dirty=dirty,
        command=reproduce_command(cell, device, teacher),
        versions=versions(),
        source_sha256=source_digest(type(cell.method)),
        started=started.isoformat(timespec="seconds"),
    )


def reproduce_command(cell: Cell, device: torch.device, teacher: Path | None) -> str:
    """The one command that makes this cell again, whatever the defaults become."""
    words = [
        "python",
        "-m",
        "bench",
        "run",
        "--methods",
        cell.method.name,
        "--tasks",
        cell.task.argument or cell.task.name,
    ]
    words += ["--pairs", str(cell.pair), "--protocol", cell.protocol.name, "--seeds", str(cell.seed)]
    words += ["--device", device.type, "--precision", cell.precision, "--only", "all"]
    plugins = [kind for kind in (type(cell.method), type(cell.task)) if kind.__module__.startswith(PLUGIN_MODULE)]
    for path in dict.fromkeys(inspect.getfile(kind) for kind in plugins):
        words += ["--plugin", path]
    if cell.budget != 1:
        words += ["--budgets", str(cell.budget)]
    if cell.compiled:
        words.append("--compile")
    for name, value in cell.method.parameters().items():
        words += ["--set", f"{cell.method.name}.{name}={str(value).lower() if isinstance(value, bool) else value}"]
    if teacher is not None and cell.teacher_key is not None:
        words += ["--teacher", str(teacher)]
    return shlex.join(words)


@lru_cache
def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    return {"kdbench": bench.__version__, "python": platform.python_version()} | {
        package: version(package) for package in PACKAGES
    }


@lru_cache
def git_state() -> tuple[str | None, bool | None]:
    """The commit of the source and whether tracked files differ from it; (None, None) outside a checkout."""
    return state_of_checkout(source_root())


@lru_cache
def package_digest() -> str:
    """The sha256 over the source of the harness, the methods and the tasks, committed or not."""
    return tree_digest(source_root())
