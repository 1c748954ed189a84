"""Where worker processes sit: devices and cores divided among them."""

from __future__ import annotations

import os

import torch

from bench.engine.hardware import cores
from bench.errors import UsageError
from bench.executors.runner import Seat

CORES_OF_A_WORKER = 4
"""Small networks gain little from more threads than this."""


def seats(device: torch.device, workers: int | None) -> list[Seat]:
    """One seat a worker. By default one a GPU, or one for every four cores of a machine without.

    device: `cuda` without a number means every GPU. Threads are what OMP_NUM_THREADS says, else the cores divided.
    """
    devices = [str(device)]
    if device.type == "cuda" and device.index is None:
        devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    usual = len(devices) if device.type == "cuda" else max(1, cores() // CORES_OF_A_WORKER)
    count = workers or usual
    if device.type == "cpu" and count > cores():
        raise UsageError(f"--workers {count}: this machine has {cores()} cores, and a worker needs one")
    given = os.environ.get("OMP_NUM_THREADS", "")
    threads = int(given) if given.isdecimal() and int(given) else max(1, cores() // count)
    return [
        Seat(name=f"worker {number + 1}", device=devices[number % len(devices)], threads=threads)
        for number in range(count)
    ]
