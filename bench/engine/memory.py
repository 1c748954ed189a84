"""The memory of a cell on a CPU, counted: what the allocator gave out for its tensors, the same every time.

A resident set also holds what the process did before, and moves from run to run by tens of percent.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

# Kineto writes a line to the standard error whenever it starts and stops.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


class Allocated(NamedTuple):
    """What some work allocated, in bytes."""

    peak: int
    """The most that was in use at one time."""
    total: int
    """All that was given out, also after it was freed and given out again."""


def allocated(work: Callable[[], Any]) -> Allocated:
    """What `work` allocates on the CPU."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    changes = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    in_use = peak = total = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        in_use += change.nbytes()
        peak = max(peak, in_use)
        total += max(0, change.nbytes())
    return Allocated(peak, total)
