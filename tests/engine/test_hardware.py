"""The machine: memory that is freed stays with the process; what of a GPU's memory is training's; its name."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from bench.engine.hardware import MemoryMeter

FAULTS = """
import resource, torch
from bench.engine.hardware import keep_freed_memory
{call}
def step():
    parts = [torch.ones(2**20 * 12) for _ in range(3)]  # 48 MiB each: more than glibc ever keeps by itself
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is what is told")
def test_freed_memory_is_used_again_without_asking_the_system() -> None:
    def faults(call: str) -> int:
        code = FAULTS.format(call=call)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    # Where the heap first lies is the system's choice: now and then it must grow once more.
    assert min(faults("keep_freed_memory()") for _ in range(3)) < 100 < faults("pass")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the variable chooses among the instructions of x86")
def test_the_machine_is_the_hardware_not_what_torch_was_told_to_use() -> None:
    def name(capability: str) -> str:
        code = "import torch; from bench.engine.hardware import fingerprint; print(fingerprint(torch.device('cpu')))"
        command, given = [sys.executable, "-c", code], {**os.environ, "ATEN_CPU_CAPABILITY": capability}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=given).stdout

    assert name("default") == name("avx2")


@pytest.mark.skipif(platform.system() != "Linux", reason="only Linux tells the resident set")
def test_the_peak_counts_what_an_earlier_process_took_above_its_start() -> None:
    meter, other = MemoryMeter(torch.device("cpu")), MemoryMeter(torch.device("cpu"))
    meter.start()
    other.start()
    state = meter.state_dict()
    meter.load_state_dict(state | {"peak_resident_bytes": state["resident_before_bytes"] + 2**40})
    assert meter.read()["peak_resident_bytes"] == meter.read()["resident_before_bytes"] + 2**40
    other.load_state_dict(state | {"peak_resident_bytes": state["resident_before_bytes"]})
    assert other.read()["peak_resident_bytes"] >= other.read()["resident_before_bytes"]


class Allocator:
    """A GPU's allocator, as far as its peak goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.allocated = self.peak = 0
        for name, answer in {
            "empty_cache": lambda: None,
            "memory_allocated": lambda device: self.allocated,
            "max_memory_allocated": lambda device: self.peak,
            "max_memory_reserved": lambda device: 1000,
            "reset_peak_memory_stats": lambda device: self.use(self.allocated, peak=0),
        }.items():
            monkeypatch.setattr(torch.cuda, name, answer)

    def use(self, allocated: int, peak: int | None = None) -> None:
        self.allocated, self.peak = allocated, max(allocated, self.peak if peak is None else peak)


def test_the_peak_of_a_gpu_is_that_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, meter = Allocator(monkeypatch), MemoryMeter(torch.device("cuda"))
    gpu.use(900)
    gpu.use(10)
    meter.start()
    for training in (50, 70, 60):
        gpu.use(training)
        gpu.use(20)
        meter.pause()
        gpu.use(500)
        gpu.use(20)
        meter.resume()
    figures = meter.read()
    assert figures["device_before_bytes"] == 10
    assert figures["peak_device_allocated_bytes"] == 70
    assert figures["peak_device_reserved_bytes"] == 1000


def test_the_peak_of_a_gpu_counts_what_an_earlier_process_took(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, meter = Allocator(monkeypatch), MemoryMeter(torch.device("cuda"))
    gpu.use(30)
    meter.start()
    earlier = {"device_before_bytes": 10, "peak_device_allocated_bytes": 70, "peak_device_reserved_bytes": 90}
    meter.load_state_dict(meter.state_dict() | earlier | {"peak_resident_bytes": None})
    gpu.use(50)
    assert meter.read()["peak_device_allocated_bytes"] == 30 + 60
    assert meter.read()["peak_device_reserved_bytes"] == 1000
    gpu.use(200)
    assert meter.read()["peak_device_allocated_bytes"] == 200
