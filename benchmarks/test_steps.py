"""Step cost, as ratios measured in one run: `uv run pytest benchmarks`.

The ways are timed in turn, round by round, so that a machine whose speed drifts does not favour one. The median
of the rounds' ratios is printed, and stored in `extra_info`.
"""

from __future__ import annotations

import pytest
import workloads

from bench.registry import Registry

METHODS = ("kd", "fitnets", "at", "fsp", "sp", "dml", "pkd", "metadistil")


@pytest.fixture(scope="module")
def bench():
    return workloads.workbench()


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
