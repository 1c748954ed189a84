"""The page from 10,000 records, as a whole process, in seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.benchmark(group="page")
def test_ten_thousand_records(benchmark, ten_thousand, tmp_path):
    command = [
        sys.executable,
        "-m",
        "bench",
        "report",
        "--results",
        str(ten_thousand),
        "--output",
        str(tmp_path / "page"),
    ]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3, warmup_rounds=1)
