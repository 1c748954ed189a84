"""Time, and memory that a GPU measured: paired log-ratios against their margins."""

import math

import pytest
from records import changed, record
from rows_of_records import brief, row_of

from bench.compare.memory import memory
from bench.compare.time import time

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
    assert brief(memory(row_of(base, head), 2.0)) == ("worse", "100.0 MiB → 103.0 MiB, means over 3 seeds")
    assert memory(row_of(base, head), 5.0).verdict.value == "no change"
    assert memory(row_of(head, base), 2.0).verdict.value == "better"


def test_measured_memory_is_not_announced():
    assert memory(row_of(on_gpu(100, 100, 100), on_gpu(200, 200, 200, version=2)), 2.0).is_regression
