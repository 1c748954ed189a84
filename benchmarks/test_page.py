"""The page from 10,000 records of 240 evaluations, as a whole process, in seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest
from test_board import results  # noqa: F401


@pytest.mark.benchmark(group="page")
def test_ten_thousand_records(benchmark, results, tmp_path):  # noqa: F811
    command = [sys.executable, "-m", "bench", "report", "--results", str(results), "--output", str(tmp_path / "page")]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3, warmup_rounds=1)
