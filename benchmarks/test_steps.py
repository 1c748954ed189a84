"""Step cost, as ratios measured in one run: `uv run pytest benchmarks`.

The ways are timed in turn, round by round, so that a machine whose speed drifts does not favour one. The median
of the rounds' ratios is printed, and stored in `extra_info`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest
import workloads

from bench.registry import Registry

METHODS = ("kd", "fitnets", "at", "fsp", "sp", "dml", "pkd", "metadistil")


@pytest.fixture(scope="module")
def bench():
    return workloads.workbench()


@pytest.fixture
def compare(benchmark, capsys):
    """compare(ours, other, steps, rounds): the median over the rounds of other's time / our time."""

    def run(ours: Iterator[None], other: Iterator[None], steps: int, rounds: int) -> None:
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
        benchmark.extra_info["ratio"] = round(ratio, 3)
        with capsys.disabled():
            print(f"\n{benchmark.name}: ratio {ratio:.3f} (quartiles {low:.3f} and {high:.3f})")

    return run


@pytest.mark.benchmark(group="images per second, KD resnet56→resnet20, batch 64")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_kd_against_a_plain_loop(compare, bench, compiled):
    """How many times the images per second of the usual loop. A round is an epoch: the usual loop's workers fetch
    ahead, and must not do so while the other is timed."""
    ours = workloads.harness_steps(bench, Registry().method("kd")(), compiled)
    compare(ours, workloads.plain_steps(bench), steps=workloads.EPOCH_STEPS, rounds=9)


@pytest.mark.benchmark(group="harness overhead")
def test_kd_against_the_same_step_in_a_bare_loop(compare, bench):
    """Bare time / harness time: at least 0.97 means that the harness costs at most 3%."""
    kd = Registry().method("kd")()
    compare(workloads.harness_steps(bench, kd), workloads.bare_steps(bench), steps=1, rounds=80)


@pytest.mark.benchmark(group="step cost against plain training")
@pytest.mark.parametrize("name", METHODS)
def test_method_against_scratch(compare, bench, name):
    """Scratch's time / the method's time, first stage: below 1, the smaller the dearer."""
    registry = Registry()
    ours = workloads.harness_steps(bench, registry.method(name)())
    compare(ours, workloads.harness_steps(bench, registry.method("scratch")()), steps=1, rounds=15)
