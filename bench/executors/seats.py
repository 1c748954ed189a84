"""Where worker processes sit: devices and cores divided among them."""

from __future__ import annotations

import os

from bench.cores import CORES_OF_A_WORKER
from bench.engine.place import Place
from bench.errors import UsageError
from bench.executors.runner import Seat


def seats(place: Place, workers: int | None) -> list[Seat]:
    """One seat a worker. By default one a GPU, or one for every four cores of a machine without.

    A place named `cuda`, without a number, has every GPU. Threads are what OMP_NUM_THREADS says, else cores divided.
    """
    devices = [place.device]
    if place.device == "cuda":
        devices = [f"cuda:{number}" for number in range(place.gpus)]
    usual = len(devices) if place.gpus else max(1, place.cores // CORES_OF_A_WORKER)
    count = workers or usual
    if not place.gpus and count > place.cores:
        raise UsageError(f"--workers {count}: there are {place.cores} cores, and a worker needs one")
    given = os.environ.get("OMP_NUM_THREADS", "")
    threads = int(given) if given.isdecimal() and int(given) else max(1, place.cores // count)
    return [
        Seat(name=f"worker {number + 1}", device=devices[number % len(devices)], threads=threads)
        for number in range(count)
    ]
