"""Where the machine keeps what can be made again: downloaded data and teachers."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$BENCH_CACHE`, or kdbench in the user's cache folder."""
    given = os.environ.get("BENCH_CACHE")
    if given:
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "kdbench"
