"""Time to match, by the written rule: m smoothed, first evaluation with m ≥ τ, ∞ in the median."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_boards import evaluations

from bench.board.match import Match, Median, match, match_best, median

METRIC = st.floats(0, 100, allow_nan=False)


def target(value, best=math.nan):
    """All that a match asks of a target."""
    return SimpleNamespace(value=value, best=best)


def test_match_is_the_first_evaluation_that_reaches_the_target():
    # m is 55 at 30 s, 65 at 40 s, 64 at 50 s.
    found = match(evaluations([45, 55, 65, 75, 52]), target(60.0))
    assert found == Match(seconds=40.0, steps=400, flops=4e9, seconds_before=30.0)


def test_a_single_high_evaluation_is_no_match():
    assert match(evaluations([50, 50, 90, 50, 50]), target(64.0)) is None


def test_match_best_is_the_first_single_evaluation_that_reaches_the_median_of_the_best():
    run = evaluations([50, 50, 90, 50, 95])
    assert match_best(run, target(0.0, best=64.0)) == Match(30.0, 300, 3e9, seconds_before=20.0)
    assert match_best(run, target(0.0, best=95.1)) is None
    assert match_best(evaluations([90, 50], [False, True]), target(0.0, best=64.0)) is None


def test_equal_is_reached_whatever_the_round_off():
    # Exactly .3 points below the target method's mean; in floating point a little less than that.
    level = (60.0 + 60.02 + 60.08) / 3 - 0.3
    select = [59.7, 59.72, 59.78]
    assert sum(select) / 3 < level
    assert match(evaluations(select), target(level)).seconds == 30.0


def test_uncounted_evaluations_never_match():
    found = match(evaluations([90, 90, 90, 50, 60, 70], [False] * 3 + [True] * 3), target(60.0))
    assert found.seconds == 60.0


def test_match_at_the_first_evaluation_begins_at_zero():
    assert match(evaluations([70], window=1), target(60.0)).seconds_before == 0.0


@given(st.lists(st.none() | METRIC, max_size=30), METRIC, st.integers(1, 5))
def test_match_agrees_with_the_rule_written_as_a_loop(select, level, window):
    expected = None
    for last in range(len(select)):
        known = [value for value in select[: last + 1] if value is not None]
        reached = len(known) >= window and sum(known[-window:]) / window >= level - 1e-9
        if reached and select[last] is not None and expected is None:
            expected = 10.0 * (last + 1)
    found = match(evaluations(select, window=window), target(level))
    assert (found and found.seconds) == expected


@given(st.lists(METRIC, min_size=1, max_size=30))
def test_an_unreached_target_never_becomes_a_time(select):
    above = max(select) + 0.01
    assert match(evaluations(select), target(above)) is None
    assert match_best(evaluations(select), target(0.0, best=above)) is None


def at(seconds):
    return Match(seconds=seconds, steps=seconds * 10, flops=seconds * 1e6, seconds_before=0.0)


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        ([at(40.0), at(41.0), at(45.0), at(42.0), None], Median(42.0, 4, 5)),
        ([at(40.0), None, at(41.0), None, None], Median(math.inf, 2, 5)),
        # Of an even number the upper one: two of four are not enough.
        ([at(30.0), at(31.0), None, None], Median(math.inf, 2, 4)),
        ([at(30.0), at(31.0), at(32.0), None], Median(32.0, 3, 4)),
        ([at(30.0), at(31.0)], Median(31.0, 2, 2)),
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
