"""LEADERBOARD.md from 10,000 records of 240 evaluations, as a whole process, in seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest
import records

from bench.store import Store

RECORDS = 10_000
EVALUATIONS = 240
SEEDS = 10


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "results"
    store = Store(folder)
    select = [50 + number / EVALUATIONS for number in range(EVALUATIONS)]
    methods = ["scratch", "kd", "pkd", *(f"method{number}" for number in range(7))]
    pairs = [(f"teacher{number}", f"student{number}") for number in range(RECORDS // len(methods) // SEEDS)]
    for pair in pairs:
        for method in methods:
            for seed in range(SEEDS):
                store.write(records.record(method, seed, pair=pair, select=select))
    assert len(store.paths()) == RECORDS
    return folder


@pytest.mark.benchmark(group="board")
def test_ten_thousand_records(benchmark, results):
    command = [sys.executable, "-m", "bench", "leaderboard", "--results", str(results)]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3, warmup_rounds=1)
