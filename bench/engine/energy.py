"""The energy a device has used, where it says so: NVML's counter of a GPU, RAPL's counters of the processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

RAPL = Path("/sys/class/powercap")
Counter = Callable[[], float]
"""Joules since some moment, never falling."""


def energy_counter(device: torch.device) -> Counter | None:
    """The counter of a device; None where it reports nothing, or not to this user."""
    return gpu_counter(device) if device.type == "cuda" else processor_counter(RAPL)


def gpu_counter(device: torch.device) -> Counter | None:
    """The whole GPU's, whoever uses it."""
    import pynvml

    try:
        pynvml.nvmlInit()
        # By its identity: NVML's numbers do not follow CUDA_VISIBLE_DEVICES.
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError:
        return None
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000


def processor_counter(folder: Path) -> Counter | None:
    """The sum over the packages of the processor, whoever uses them. Linux lets root alone read them."""
    try:
        packages = [_Package(path) for path in sorted(folder.glob("intel-rapl:[0-9]"))]
    except (OSError, ValueError):
        return None
    return (lambda: sum(package.joules() for package in packages)) if packages else None


class _Package:
    """One counter, which starts again at 0 when it is full."""

    def __init__(self, path: Path) -> None:
        self._file = path / "energy_uj"
        self._range = int((path / "max_energy_range_uj").read_text())
        self._last = int(self._file.read_text())
        self._whole = 0

    def joules(self) -> float:
        now = int(self._file.read_text())
        self._whole += (now - self._last) % (self._range + 1)
        self._last = now
        return self._whole / 1e6
