"""Time, and memory that a GPU measured: paired log-ratios against their margins."""

import math

import pytest
import scipy.stats
from records import changed, record
from rows_of_records import brief, row_of
from simulated_times import simulate

from bench.compare.finding import Figure
from bench.compare.memory import memory
from bench.compare.ratios import ratios
from bench.compare.rows import matched
from bench.compare.time import times

MIB = 2**20


def timed(*factors, seeds=None, **options):
    """One run a factor, of 40 seconds each."""
    return [
        record(seed=seed, seconds=10.0 * factor, **options)
        for seed, factor in zip(seeds or range(len(factors)), factors, strict=True)
    ]


def on_gpu(*peaks, before=0, **options):
    return [
        changed(record(seed=seed, gpu_bytes=round(peak * MIB), **options), cost={"device_before_bytes": before})
        for seed, peak in enumerate(peaks)
    ]


def time(row, margin):
    """With no other row."""
    [finding] = times([row], margin)
    return finding


def peak(row, margin):
    [finding] = memory([row], margin)
    return finding


def test_slower_beyond_the_margin_is_worse_and_the_mirror_is_better():
    base, slow = timed(1, 1, 1), timed(1.1, 1.11, 1.09)
    finding = time(row_of(base, slow), 5.0)
    assert brief(finding) == ("worse", "40 s → 44 s, means over 3 seeds")
    # Mean log-ratio .0952826, deviation .0090912: t(.975, 2) = 4.302653, half width .0225836.
    assert finding.difference.value == pytest.approx(100 * math.expm1(0.0952826), abs=1e-3)
    assert finding.difference.low == pytest.approx(100 * math.expm1(0.0952826 - 0.0225836), abs=1e-2)
    assert finding.difference.unit == "%"
    assert time(row_of(slow, base), 5.0).verdict.value == "better"


def test_within_the_margin_or_uncertain_is_no_change():
    assert time(row_of(timed(1, 1, 1), timed(1.04, 1.04, 1.04)), 5.0).verdict.value == "no change"
    assert time(row_of(timed(1, 1, 1), timed(1.04, 1.04, 1.04)), 3.0).verdict.value == "worse"
    assert time(row_of(timed(1, 1, 1), timed(0.9, 1.5, 1.1)), 5.0).verdict.value == "no change"


def test_pairs_share_what_makes_a_seed_slow():
    assert time(row_of(timed(1, 2, 3), timed(1.1, 2.2, 3.3)), 5.0).verdict.value == "worse"


def test_fewer_than_three_pairs_are_not_comparable():
    assert brief(time(row_of(timed(1, 1, 1), timed(9, 9)), 5.0)) == (
        "not comparable",
        "measured on both sides at 2 seeds, expected at least 3",
    )
    assert time(row_of(timed(1), timed(1)), 5.0).seen == "measured on both sides at 1 seed, expected at least 3"
    assert brief(time(row_of(timed(1), timed(1, seeds=[4])), 5.0)) == (
        "not comparable",
        "no seed succeeded on both sides",
    )


def test_times_under_other_threads_are_not_comparable():
    head = timed(2, 2, 2, environment={"threads": 4})
    assert brief(time(row_of(timed(1, 1, 1), head), 5.0)) == ("not comparable", "threads 1 → 4 (seeds 0-2)")


def test_a_run_without_time_is_left_out():
    empty = [record(seed=seed, select=()) for seed in range(3)]
    assert time(row_of(timed(1, 1, 1), empty), 5.0).verdict.value == "not comparable"


def test_memory_of_a_gpu_is_that_of_the_cell_alone():
    base, head = on_gpu(100, 100, 100), on_gpu(1103, 1103, 1103, before=1000 * MIB)
    assert brief(peak(row_of(base, head), 2.0)) == ("worse", "100.0 MiB → 103.0 MiB, means over 3 seeds")
    assert peak(row_of(base, head), 5.0).verdict.value == "no change"
    assert peak(row_of(head, base), 2.0).verdict.value == "better"


def test_measured_memory_is_not_announced():
    assert peak(row_of(on_gpu(100, 100, 100), on_gpu(200, 200, 200, version=2)), 2.0).is_regression


def test_the_p_is_that_of_a_one_sided_test_and_the_verdict_that_of_the_bound():
    head = (1.1, 1.16, 1.07, 1.2)
    row = row_of(timed(1, 1, 1, 1), timed(*head))
    test = scipy.stats.ttest_1samp([math.log(each) for each in head], math.log(1.05), alternative="greater")
    assert time(row, 5.0).p == pytest.approx(test.pvalue)
    bound = 100 * math.expm1(test.confidence_interval(0.95).low)
    assert [time(row, bound + shift).verdict.value for shift in (-1e-6, 1e-6)] == ["worse", "no change"]


def test_holm_is_over_the_rows_that_are_tested():
    def factor(shift):
        return {seed: (1.0, 1.06 + shift * each) for seed, each in enumerate((-1, 0, 1))}

    alone = {"slow": factor(0.002)}
    few = {f"few {number}": {0: (1.0, 9.0)} for number in range(21)}
    same = {f"same {number}": dict.fromkeys(range(3), (1.0, 1.0)) for number in range(21)}
    [one], [among_few, *_], [among, *_] = (
        ratios(rows, Figure.TIME, 5.0, str) for rows in (alone, alone | few, alone | same)
    )
    assert one.verdict.value == "worse"
    assert among_few == one
    assert among.p == pytest.approx(22 * one.p)
    assert among.verdict.value == "no change"
    assert among.difference == one.difference
    faster = {name: {seed: both[::-1] for seed, both in values.items()} for name, values in alone.items()}
    assert ratios(faster, Figure.TIME, 5.0, str)[0].p == pytest.approx(one.p)


def test_every_row_has_one_finding_of_time():
    base = [*timed(1, 1, 1), *timed(1, 1, 1, method="at"), *timed(1, 1, method="sp")]
    head = [*timed(2, 2, 2), *timed(1, 1, 1, method="at", environment={"threads": 2}), *timed(1, 1, method="sp")]
    findings = {each.row.method: each for each in times(matched(base, head), 5.0)}
    assert {name: each.verdict.value for name, each in findings.items()} == {
        "kd": "worse",
        "at": "not comparable",
        "sp": "not comparable",
    }
    assert findings["kd"].test == "paired log-ratios, one-sided t-test against 5%, p adjusted for 1 row"


@pytest.mark.parametrize("deviation", [0.05, 0.1])
def test_22_rows_that_did_not_change_raise_few_false_alarms(deviation):
    assert simulate(repetitions=600, deviation=deviation).false_alarms <= 0.05


def test_a_row_that_is_a_fifth_slower_is_found_among_22():
    assert simulate(repetitions=300, deviation=0.02, slower=1.2).power >= 0.95
