"""Exact costs and counted memory: what is given must not change, and of the rest any figure that is higher is worse."""

import pytest
from records import changed, record
from rows_of_records import brief, row_of

from bench.compare.cost import cost
from bench.compare.memory import memory
from bench.record import Passes

PASSES = {
    "student": Passes(forwards=18, backwards=18, updates=18),
    "teacher": Passes(forwards=18, backwards=0, updates=0),
}


def with_cost(seed=0, options=None, **parts):
    return changed(record(seed=seed, **(options or {})), cost=parts)


def found(base, head):
    return cost(row_of(base, head))


def test_the_same_counts_are_no_change():
    made = [with_cost(passes=PASSES)]
    assert brief(found(made, made)) == ("no change", "steps, samples, training FLOPs and 10 more are the same (seed 0)")


def test_a_teacher_that_runs_twice_a_step_is_worse():
    twice = PASSES | {"teacher": Passes(forwards=36, backwards=0, updates=0)}
    finding = found([with_cost(passes=PASSES)], [with_cost(passes=twice)])
    assert brief(finding) == ("worse", "teacher forwards 18 → 36 (seed 0)")
    assert (finding.difference.value, finding.difference.unit) == (18.0, "teacher forwards")
    assert finding.is_regression


def test_a_network_that_is_not_run_has_no_passes():
    alone = {"student": PASSES["student"]}
    # The teacher may run uncounted.
    verdict, seen = brief(found([with_cost(passes=PASSES)], [with_cost(passes=alone)]))
    assert verdict == "behaviour changed"
    assert seen.startswith("no longer recorded in head: teacher forwards, teacher backwards, teacher updates; steps,")
    assert found([with_cost(passes=alone)], [with_cost(passes=PASSES)]).verdict.value == "worse"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("train_flops", "training FLOPs"),
        ("extra_parameters", "extra parameters"),
    ],
)
def test_less_of_what_is_not_given_is_better(field, name):
    base = with_cost(**{field: 10})
    assert brief(found([base], [with_cost(**{field: 11})])) == ("worse", f"{name} 10 → 11 (seed 0)")
    assert brief(found([base], [with_cost(**{field: 9})])) == ("better", f"{name} 10 → 9 (seed 0)")


@pytest.mark.parametrize("field", ["steps", "samples", "parameters"])
@pytest.mark.parametrize("value", [9, 11])
def test_what_the_budget_and_the_pair_give_must_not_change(field, value):
    finding = found([with_cost(**{field: 10})], [with_cost(**{field: value})])
    assert brief(finding) == (
        "behaviour changed",
        f"{field} 10 → {value} (seed 0); given by the budget and the pair, so not to change: {field}",
    )
    assert finding.difference.value == value - 10
    assert finding.is_regression


@pytest.mark.parametrize("network", ["student", "teacher", "generator"])
def test_updates_of_any_network_must_not_change(network):
    base = PASSES | {network: Passes(forwards=18, backwards=18, updates=18)}
    head = PASSES | {network: Passes(forwards=18, backwards=18, updates=9)}
    finding = found([with_cost(passes=base)], [with_cost(passes=head)])
    assert finding.verdict.value == "behaviour changed"
    assert finding.seen.startswith(f"{network} updates 18 → 9 (seed 0); given")
    # A network that base never ran has no updates there.
    gone = {name: each for name, each in base.items() if name != network}
    assert found([with_cost(passes=gone)], [with_cost(passes=base)]).verdict.value == "behaviour changed"


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_inference_is_compared(network):
    slower = getattr(record().cost, network).model_copy(update={"flops": 41_000_001})
    finding = found([record()], [with_cost(**{network: slower})])
    assert finding.seen == f"{network} inference FLOPs 41,000,000 → 41,000,001 (seed 0)"


def test_what_became_higher_goes_first_and_decides():
    base = with_cost(train_flops=10, extra_parameters=10)
    finding = found([base], [with_cost(train_flops=9, extra_parameters=11)])
    assert brief(finding) == ("worse", "extra parameters 10 → 11 (seed 0), training FLOPs 10 → 9 (seed 0)")


def test_what_is_given_goes_before_what_became_higher():
    finding = found([with_cost(train_flops=10)], [with_cost(train_flops=11, steps=399)])
    assert brief(finding) == (
        "behaviour changed",
        "steps 400 → 399 (seed 0), training FLOPs 10 → 11 (seed 0); "
        "given by the budget and the pair, so not to change: steps",
    )


def test_seeds_that_changed_alike_are_named_together():
    base, head = [record(seed=seed) for seed in range(3)], [with_cost(seed, steps=401) for seed in (0, 2)]
    assert found(base, [*head, record(seed=1)]).seen.startswith("steps 400 → 401 (seeds 0, 2); given")


def test_what_an_older_record_does_not_have_is_named():
    assert brief(found([record()], [with_cost(passes=PASSES)])) == (
        "no change",
        "steps, samples, training FLOPs and 4 more are the same (seed 0); "
        "not recorded in base: student forwards, student backwards, student updates and 3 more",
    )


def test_what_head_does_not_record_any_more_does_not_pass_as_no_change():
    base, lost = with_cost(passes=PASSES), "no longer recorded in head: student forwards, student backwards"
    finding = found([base], [record()])
    assert brief(finding) == (
        "behaviour changed",
        f"{lost}, student updates and 3 more; steps, samples, training FLOPs and 4 more are the same (seed 0)",
    )
    assert finding.is_regression
    assert not found([base], [with_cost(options={"version": 2})]).is_regression
    beside = found([base], [with_cost(extra_parameters=1)])
    assert beside.verdict.value == "behaviour changed"
    assert beside.seen.startswith(f"extra parameters 0 → 1 (seed 0); {lost}")


def test_other_versions_of_packages_are_not_comparable():
    head = with_cost(options={"versions": {"python": "3.12.0", "torch": "2.9.0"}}, steps=500)
    assert brief(found([record()], [head])) == ("not comparable", "python 3.11.9 → 3.12.0 (seed 0)")


def test_a_gpu_repeats_its_counts():
    assert found([record(gpu_bytes=10)], [with_cost(options={"gpu_bytes": 10}, steps=401)]).is_regression


def test_a_raised_version_announces_another_cost():
    for verdict, parts in (("worse", {"extra_parameters": 1}), ("behaviour changed", {"steps": 401})):
        finding = found([record()], [with_cost(options={"version": 2}, **parts)])
        assert (finding.verdict.value, finding.announced, finding.is_regression) == (verdict, "kd v1 → v2", False)


def test_bytes_of_a_cpu_are_compared_exactly():
    base, head = with_cost(peak_tensor_bytes=1000, allocated_bytes=5000), with_cost(peak_tensor_bytes=1000)
    assert brief(*memory([row_of([base], [changed(base, cost={"allocated_bytes": 5001})])], 2.0)) == (
        "worse",
        "allocated bytes 5,000 → 5,001 (seed 0)",
    )
    assert brief(*memory([row_of([base], [head])], 2.0)) == (
        "behaviour changed",
        "no longer recorded in head: allocated bytes; peak bytes of tensors are the same (seed 0)",
    )
    assert brief(*memory([row_of([record()], [record()])], 2.0)) == ("not comparable", "not recorded on either side")
    assert brief(*memory([row_of([record()], [base])], 2.0)) == (
        "not comparable",
        "not recorded in base: peak bytes of tensors, allocated bytes",
    )


def test_bytes_under_other_threads_are_not_comparable():
    base = with_cost(peak_tensor_bytes=1000)
    head = with_cost(options={"environment": {"threads": 2}}, peak_tensor_bytes=1001)
    assert brief(*memory([row_of([base], [head])], 2.0)) == ("not comparable", "threads 1 → 2 (seed 0)")
