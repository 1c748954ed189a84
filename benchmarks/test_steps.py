"""Step cost, as ratios measured in one run: `uv run pytest benchmarks`.

The ways are timed in turn, round by round, so that a machine whose speed drifts does not favour one; the median
of the rounds' ratios is printed with the benchmark's own table and stored in its `extra_info`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest
import workloads

from bench.registry import Registry

ROUNDS = 7
STEPS = 6
METHODS = ("scratch", "kd", "fitnets", "at", "fsp", "sp", "dml", "pkd", "metadistil")


@pytest.fixture(scope="module")
def bench():
    return workloads.workbench()


def compare(benchmark, ours: Iterator[None], other: Iterator[None], steps: int = STEPS) -> float:
    """The median over the rounds of other's time / our time; the benchmark's table shows our time."""
    workloads.take(ours, 2)
    workloads.take(other, 2)
    ratios = []

    def setup() -> None:
        start = time.perf_counter()
        workloads.take(other, steps)
        ratios.append(time.perf_counter() - start)

    def timed() -> None:
        start = time.perf_counter()
        workloads.take(ours, steps)
        ratios[-1] /= time.perf_counter() - start

    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS)
    ratio = statistics.median(ratios)
    benchmark.extra_info["ratio"] = round(ratio, 3)
    print(f"\n{benchmark.name}: ratio {ratio:.3f}, rounds {min(ratios):.3f} to {max(ratios):.3f}")
    return ratio


@pytest.mark.benchmark(group="images per second, KD resnet56→resnet20, batch 64")
def test_kd_against_a_plain_loop(benchmark, bench):
    """How many times the images per second of the usual loop."""
    kd = Registry().method("kd")()
    compare(benchmark, workloads.harness_steps(bench, kd), workloads.plain_steps(bench))


@pytest.mark.benchmark(group="harness overhead")
def test_kd_against_the_same_step_in_a_bare_loop(benchmark, bench):
    """Bare time / harness time: at least 0.97 means that the harness costs at most 3%."""
    kd = Registry().method("kd")()
    compare(benchmark, workloads.harness_steps(bench, kd), workloads.bare_steps(bench), steps=10)


@pytest.mark.benchmark(group="step cost against plain training")
@pytest.mark.parametrize("name", METHODS[1:])
def test_method_against_scratch(benchmark, bench, name):
    """Scratch's time / the method's time, first stage: below 1, the smaller the dearer."""
    registry = Registry()
    ours = workloads.harness_steps(bench, registry.method(name)())
    compare(benchmark, ours, workloads.harness_steps(bench, registry.method("scratch")()), steps=2)
