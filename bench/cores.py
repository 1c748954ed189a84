"""How many cores there are to share out."""

from __future__ import annotations

import os

CORES_OF_A_WORKER = 4
"""Small networks gain little from more threads than this."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
