"""A place where cells run: what planning must know of its hardware, which may be that of another machine."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.cores import cores
from bench.engine.hardware import fingerprint, has_bfloat16, has_compiler, resolve_device
from bench.errors import UsageError


@dataclass(frozen=True)
class Place:
    """One device of one machine, as plain data: `dataclasses.asdict` of it is JSON, and `Place(**…)` reads it back."""

    device: str
    """As torch names it: `cpu`, `cuda` or `cuda:N`."""
    machine: str
    """The fingerprint of the hardware: records are kept under it."""
    bfloat16: bool
    """Whether the precision `auto` means bfloat16."""
    compiler: bool
    """Whether torch.compile has what it compiles with."""
    cores: int
    """How many a process may use."""
    gpus: int
    """How many the machine has; 0 where the device is the CPU, for which nobody looks."""


def place_here(name: str) -> Place:
    """The place of a device of this machine: `auto`, `cpu`, `cuda` or `cuda:N`. Another name raises UsageError."""
    device = resolve_device(name)
    return Place(
        device=str(device),
        machine=fingerprint(device),
        bfloat16=has_bfloat16(device),
        compiler=has_compiler(device),
        cores=cores(),
        gpus=torch.cuda.device_count() if device.type == "cuda" else 0,
    )


def is_here(place: Place) -> bool:
    """Whether this machine has the same hardware: only then do times that are taken here hold there."""
    try:
        return place_here(place.device).machine == place.machine
    except UsageError:
        return False
