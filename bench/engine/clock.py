"""The training clock: monotonic, on between evaluations only, the device synchronised where it stops."""

from __future__ import annotations

import time
from typing import Any

import torch

from bench.engine.energy import Counter


class Clock:
    """Adds up the seconds between `start` and `stop`, and the joules where there is a counter of them."""

    def __init__(self, device: torch.device, energy: Counter | None = None) -> None:
        self.device = device
        self.seconds = 0.0
        self.joules = None if energy is None else 0.0
        self._energy = energy
        self._since: float | None = None

    def start(self) -> None:
        if self._since is not None:
            raise RuntimeError("the clock is already on")
        synchronise(self.device)
        if self._energy:
            self.joules -= self._energy()
        self._since = time.perf_counter()

    def stop(self) -> None:
        if self._since is None:
            raise RuntimeError("the clock is already off")
        synchronise(self.device)
        self.seconds += time.perf_counter() - self._since
        self._since = None
        if self._energy:
            self.joules += self._energy()

    def state_dict(self) -> dict[str, Any]:
        """What it has counted until now."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return {"seconds": self.seconds + running, "joules": self.joules}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Adds what the clock of an earlier process counted. Joules are unknown if either has no counter."""
        self.seconds += state["seconds"]
        if self.joules is None or state["joules"] is None:
            self.joules = self._energy = None
        else:
            self.joules += state["joules"]


def synchronise(device: torch.device) -> None:
    """Waits until the device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
