"""Time to match, by the written rule: m smoothed, first evaluation with m ≥ τ, ∞ in the median."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import curve

from bench.board.evaluations import Evaluations, smoothed
from bench.board.match import Match, Median, match, median

NAN = math.nan
METRIC = st.floats(0, 100, allow_nan=False)


def evaluations(select, counts=None, window=3, seconds=10.0):
    return Evaluations.of(curve(select, seconds, counts), window)


@pytest.mark.parametrize(
    ("select", "counts", "window", "expected"),
    [
        ([50, 60, 70, 80], None, 3, [NAN, NAN, 60, 70]),
        ([50, 60, 70, 80], None, 1, [50, 60, 70, 80]),
        # Evaluations of a first stage are neither in m nor a place where m is known.
        ([1, 1, 50, 60, 70], [False, False, True, True, True], 3, [NAN, NAN, NAN, NAN, 60]),
        ([50, None, 60, 70], None, 2, [NAN, NAN, 55, 65]),
        ([50, 60], None, 3, [NAN, NAN]),
        ([], None, 3, []),
    ],
)
def test_smoothed(select, counts, window, expected):
    np.testing.assert_allclose(smoothed(curve(select, 1.0, counts), window), expected)


def test_final():
    assert evaluations([50, 60, 70, 80]).final == 70
    assert evaluations([50, 60]).final is None


def test_match_is_the_first_evaluation_that_reaches_the_target():
    # m is 55 at 30 s, 65 at 40 s, 64 at 50 s.
    found = match(evaluations([45, 55, 65, 75, 52]), target=60.0)
    assert found == Match(seconds=40.0, steps=400, flops=4e9, seconds_before=30.0)


def test_a_single_high_evaluation_is_no_match():
    assert match(evaluations([50, 50, 90, 50, 50]), target=64.0) is None


def test_equal_is_reached_whatever_the_round_off():
    # Exactly .3 points below the target method's mean; in floating point a little less than that.
    target = (60.0 + 60.02 + 60.08) / 3 - 0.3
    select = [59.7, 59.72, 59.78]
    assert sum(select) / 3 < target
    assert match(evaluations(select), target).seconds == 30.0


def test_uncounted_evaluations_never_match():
    found = match(evaluations([90, 90, 90, 50, 60, 70], [False] * 3 + [True] * 3), target=60.0)
    assert found.seconds == 60.0


def test_match_at_the_first_evaluation_begins_at_zero():
    assert match(evaluations([70], window=1), target=60.0).seconds_before == 0.0


@given(st.lists(st.none() | METRIC, max_size=30), METRIC, st.integers(1, 5))
def test_match_agrees_with_the_rule_written_as_a_loop(select, target, window):
    expected = None
    for last in range(len(select)):
        known = [value for value in select[: last + 1] if value is not None]
        reached = len(known) >= window and sum(known[-window:]) / window >= target - 1e-9
        if reached and select[last] is not None and expected is None:
            expected = 10.0 * (last + 1)
    found = match(evaluations(select, window=window), target)
    assert (found and found.seconds) == expected


@given(st.lists(METRIC, min_size=3, max_size=30))
def test_an_unreached_target_never_becomes_a_time(select):
    assert match(evaluations(select), target=max(select) + 0.01) is None


def at(seconds):
    return Match(seconds=seconds, steps=seconds * 10, flops=seconds * 1e6, seconds_before=0.0)


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        ([at(40.0), at(41.0), at(45.0), at(42.0), None], Median(42.0, 4, 5)),
        ([at(40.0), None, at(41.0), None, None], Median(math.inf, 2, 5)),
        ([at(30.0), at(31.0), None, None], Median(math.inf, 2, 4)),
        ([at(30.0), at(31.0), at(32.0), None], Median(32.0, 3, 4)),
        ([None], Median(math.inf, 0, 1)),
    ],
)
def test_median_with_misses(matches, expected):
    assert median(matches, "seconds") == expected


def test_median_in_other_units():
    assert median([at(30.0)], "steps").value == 300.0
    assert median([at(30.0)], "flops").value == 3e7
    assert median([], "seconds") is None


@given(st.lists(st.none() | st.floats(1, 1e6), min_size=1, max_size=12))
def test_median_is_finite_only_if_more_than_half_reached_it(times):
    found = median([None if time is None else at(time) for time in times], "seconds")
    assert math.isfinite(found.value) == (found.hits > len(times) // 2)
    assert math.isinf(found.value) or found.value in times
