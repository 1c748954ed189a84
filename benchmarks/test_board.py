"""LEADERBOARD.md from 10,000 records, as a whole process, in seconds; the warm-up draws its figures, once."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.benchmark(group="board")
def test_ten_thousand_records(benchmark, ten_thousand):
    command = [sys.executable, "-m", "bench", "leaderboard", "--results", str(ten_thousand)]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3, warmup_rounds=1)
