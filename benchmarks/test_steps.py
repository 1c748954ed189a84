"""Step cost, as ratios measured in one run: the median of the rounds' ratios is printed, and stored."""

from __future__ import annotations

import method_cases
import pytest
import workloads

from bench.engine.place import place_here
from bench.registry import Registry

STEPS = {"conv": 1, "bert": 3}
"""Steps of a round: texts differ in length, and their steps are short."""


def parameters():
    """One a case, in the group of its pair; skipped where the method cannot take the pair."""
    registry, made = Registry(), []
    for subject in (method_cases.conv(), method_cases.bert()):
        for case in method_cases.cases(subject, registry):
            marks = [pytest.mark.benchmark(group=f"methods-{subject.name}")]
            if case.skip:
                marks.append(pytest.mark.skip(reason=case.skip))
            made.append(pytest.param(case, id=case.name, marks=marks))
    return made


@pytest.fixture(scope="module")
def bench():
    return method_cases.conv().bench


@pytest.mark.benchmark(group="usual-loop-conv")
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_kd_against_a_plain_loop(compare, bench, compiled):
    """How many times the images per second of the usual loop. A round is an epoch: the usual loop's workers fetch
    ahead, and must not do so while the other is timed."""
    if compiled and not place_here("cpu").compiler:
        pytest.skip("torch.compile needs a C++ compiler of the name that CXX gives (g++ where it gives none)")
    ours = workloads.harness_steps(bench, Registry().method("kd")(), compiled)
    compare(ours, workloads.plain_steps(bench), steps=workloads.EPOCH_STEPS, rounds=9)


@pytest.mark.benchmark(group="overhead")
def test_kd_against_the_same_step_in_a_bare_loop(compare, bench):
    """Bare time / harness time: at least 0.97 means that the harness costs at most 3%."""
    kd = Registry().method("kd")()
    compare(workloads.harness_steps(bench, kd), workloads.bare_steps(bench), steps=1, rounds=80)


@pytest.mark.parametrize("case", parameters())
def test_method_against_scratch(compare, case):
    """Scratch's time / that of the method's stage, on the same batches: below 1, the smaller the dearer. Scratch
    against itself is there too: how far it is from 1 shows what the machine's noise does."""
    subject = case.subject
    scratch = subject.method(Registry().method("scratch"))
    ours = workloads.harness_steps(subject.bench, case.method, pair=subject.pair, stage=case.stage)
    other = workloads.harness_steps(subject.bench, scratch, pair=subject.pair)
    compare(ours, other, steps=STEPS[subject.name], rounds=15)
