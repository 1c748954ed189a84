"""Start-up of the light commands, in seconds, as whole processes."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.benchmark(group="start-up")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["list", "methods"], ["list", "pairs"]], ids=["help", "list-methods", "list-pairs"]
)
def test_command(benchmark, arguments):
    command = [sys.executable, "-m", "bench", *arguments]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=5, warmup_rounds=1)
