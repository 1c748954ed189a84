"""Where the machine keeps what can be made again: downloaded data, teachers and checkpoints."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cache_folder() -> Path:
    """`$BENCH_CACHE`, or kdbench in the user's cache folder."""
    given = os.environ.get("BENCH_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "kdbench"


def checkpoint_folder(results: Path) -> Path:
    """Where the cells that are being run for a results folder keep their checkpoints: never shared with another's."""
    return cache_folder() / "checkpoints" / hashlib.sha256(str(results.resolve()).encode()).hexdigest()[:12]


def checkpoint_path(folder: Path, key: str) -> Path:
    """The checkpoint of the cell of this key, in such a folder."""
    return folder / f"{key[:12]}.checkpoint"
