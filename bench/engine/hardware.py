"""The machine: which device, how precise, how much memory, and a readable fingerprint."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from bench.cores import cores
from bench.errors import UsageError

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of glibc's malloc.h."""


def resolve_device(name: str) -> torch.device:
    """`auto` is the first GPU, else the CPU. A device that is not there raises UsageError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}: expected auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r} is not supported: expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name!r} is not here: this machine has {torch.cuda.device_count()} GPUs")
    return device


def resolve_precision(name: str, bfloat16: bool) -> str:
    """`auto` is bfloat16 where the device has instructions for it, else float32: emulated, it is ten times slower."""
    return name if name != "auto" else "bfloat16" if bfloat16 else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def has_compiler(device: torch.device) -> bool:
    """Whether torch.compile has what it compiles with: for a CPU, the C++ compiler that CXX names."""
    return device.type != "cpu" or shutil.which(os.environ.get("CXX", "g++")) is not None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out. On the CPU torch raises a plain RuntimeError that names its allocator."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "DefaultCPUAllocator" in str(error)


def keep_freed_memory() -> None:
    """Lets the C library keep what this process frees, instead of giving it back to the system step by step.

    Otherwise glibc returns large blocks and asks for them again in the next step, page fault by page fault: a tenth of
    a KD step on the CPU. `MemoryMeter.start` gives everything back between cells.
    """
    if platform.system() == "Linux":
        # Not every C library has this.
        with suppress(AttributeError):
            library = ctypes.CDLL(None)
            library.mallopt(M_MMAP_MAX, 0)
            library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def fingerprint(device: torch.device) -> str:
    """A readable name of the hardware: device, cores, memory. Times compare only within one."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        parts = [properties.name, f"{round(properties.total_memory / 2**30)}g", f"{cores()}c"]
    else:
        memory = round(psutil.virtual_memory().total / 2**30)
        parts = [processor(), capability(), f"{cores()}c", f"{memory}g"]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def processor() -> str:
    """The processor's model name."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return re.sub(r"\((R|TM)\)|CPU|Processor|@.*", "", found[1]).strip() if found else platform.machine()


def capability() -> str:
    """The widest vector instructions that the processor has, whichever of them torch was told to use."""
    if torch.cpu._is_avx512_supported():
        return "avx512"
    return "avx2" if torch.cpu._is_avx2_supported() else torch.backends.cpu.get_cpu_capability()


def environment(device: torch.device) -> dict[str, Any]:
    """What a reader needs to judge a time: hardware, system, load."""
    return {
        "machine": fingerprint(device),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


@dataclass
class MemoryMeter:
    """The peak memory of one cell: what was in use at its start, and the highest since."""

    device: torch.device
    resident_before: int | None = None
    device_before: int | None = None
    device_peak: int = 0
    reserved_peak: int = 0
    resident_peak: int = 0
    """The least that the peak of the resident set is."""

    def start(self) -> None:
        """Gives freed memory back, notes what is in use, and resets the peaks."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            self.device_before = torch.cuda.memory_allocated(self.device)
        if platform.system() == "Linux":
            # Freed arenas stay resident until they are trimmed. Some C libraries cannot.
            with suppress(AttributeError):
                ctypes.CDLL(None).malloc_trim(0)
            self.resident_before = _status("VmRSS")
            # Resets the peak of the resident set. Some containers forbid it; then the peak is that of the process.
            with suppress(OSError):
                Path("/proc/self/clear_refs").write_text("5")

    def pause(self) -> None:
        """What a GPU gives out from here on is not for training."""
        if self.device.type == "cuda":
            self.device_peak = max(self.device_peak, torch.cuda.max_memory_allocated(self.device))
            self.reserved_peak = max(self.reserved_peak, torch.cuda.max_memory_reserved(self.device))

    def resume(self) -> None:
        """It is again."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def read(self) -> dict[str, int | None]:
        """Peaks since `start`, in bytes; None where the system does not tell."""
        self.pause()
        gpu = self.device.type == "cuda"
        linux = platform.system() == "Linux"
        return {
            "peak_device_allocated_bytes": self.device_peak if gpu else None,
            "peak_device_reserved_bytes": self.reserved_peak if gpu else None,
            "device_before_bytes": self.device_before,
            "peak_resident_bytes": max(_status("VmHWM"), self.resident_peak) if linux else None,
            "resident_before_bytes": self.resident_before,
        }

    def state_dict(self) -> dict[str, int | None]:
        """What is known until now."""
        return self.read()

    def load_state_dict(self, state: dict[str, int | None]) -> None:
        """Takes an earlier process of the cell into account: what it took above what was in use at its start."""
        if self.device.type == "cuda":
            shift = self.device_before - state["device_before_bytes"]
            self.device_peak = max(self.device_peak, state["peak_device_allocated_bytes"] + shift)
            self.reserved_peak = max(self.reserved_peak, state["peak_device_reserved_bytes"] + shift)
        if state["peak_resident_bytes"] is not None:
            self.resident_peak = state["peak_resident_bytes"] - state["resident_before_bytes"] + self.resident_before


def _status(field: str) -> int:
    """A line of /proc/self/status, in bytes."""
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s*(\d+) kB", text)[1]) * 1024
