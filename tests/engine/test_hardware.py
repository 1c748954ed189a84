"""The machine: memory that is freed stays with the process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

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

    assert faults("keep_freed_memory()") < 100 < faults("pass")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the variable chooses among the instructions of x86")
def test_the_machine_is_the_hardware_not_what_torch_was_told_to_use() -> None:
    def name(capability: str) -> str:
        code = "import torch; from bench.engine.hardware import fingerprint; print(fingerprint(torch.device('cpu')))"
        command, given = [sys.executable, "-c", code], {**os.environ, "ATEN_CPU_CAPABILITY": capability}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=given).stdout

    assert name("default") == name("avx2")
