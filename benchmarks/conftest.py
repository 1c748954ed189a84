"""How two ways are compared: timed in turn, so that a machine whose speed drifts does not favour one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import pytest
import workloads
from many_records import many_records


@pytest.fixture
def compare(benchmark, capsys):
    """compare(ours, other, steps, rounds): the median over the rounds of other's time / our time.

    `extra_info` keeps it as `ratio`, and that of every round in `ratios`: the larger, the faster is our way.
    """

    def run(ours: Iterator[Any], other: Iterator[Any], steps: int, rounds: int) -> float:
        workloads.take(ours, steps)
        workloads.take(other, steps)
        ratios = []

        def setup() -> None:
            start = time.perf_counter()
            workloads.take(other, steps)
            ratios.append(time.perf_counter() - start)

        def timed() -> None:
            start = time.perf_counter()
            workloads.take(ours, steps)
            ratios[-1] /= time.perf_counter() - start

        benchmark.pedantic(timed, setup=setup, rounds=rounds)
        low, ratio, high = statistics.quantiles(ratios, n=4)
        benchmark.extra_info.update(ratio=ratio, ratios=ratios)
        with capsys.disabled():
            print(f"\n{benchmark.name}: ratio {ratio:.3f} (quartiles {low:.3f} and {high:.3f})")
        return ratio

    return run


@pytest.fixture(scope="session", params=[(240, 1_000), (40, 10_000)], ids=["long-curves", "many-items"])
def ten_thousand(request, tmp_path_factory):
    """A results folder of 10,000 records."""
    return many_records(tmp_path_factory.mktemp("board") / "results", *request.param)
