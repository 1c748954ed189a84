"""The curve of one run: m by hand, what counts, and when it was best."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import curve
from small_boards import evaluations

from bench.board.evaluations import counted, smoothed

NAN = math.nan
METRIC = st.floats(0, 100, allow_nan=False)


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
def test_m_by_hand(select, counts, window, expected):
    np.testing.assert_allclose(smoothed(counted(curve(select, 1.0, counts)), window), expected)


@given(st.lists(st.none() | METRIC, max_size=30), st.integers(1, 5))
def test_m_agrees_with_the_rule_written_as_a_loop(select, window):
    expected = []
    for last, value in enumerate(select):
        known = [each for each in select[: last + 1] if each is not None]
        whole = value is not None and len(known) >= window
        expected.append(sum(known[-window:]) / window if whole else NAN)
    np.testing.assert_allclose(evaluations(select, window=window).smooth, expected, atol=1e-9)


def test_final_is_the_last_m_that_is_known():
    assert evaluations([50, 60, 70, 80]).final == 70
    assert evaluations([50, 60, 70, None]).final == 60
    assert evaluations([50, 60]).final is None


def test_best_is_the_highest_single_evaluation_that_counts():
    assert evaluations([50, 90, 70, 80]).best == 90
    assert evaluations([50, 90, 70, 80], [True, False, True, True]).best == 80
    assert evaluations([None, None]).best is None
    assert evaluations([]).best is None


def test_time_to_best_and_to_near_best_by_hand():
    run = evaluations([60.0, 70.9, 70.95, 71.0, 71.0, 70.0])
    assert run.seconds_to_best() == 40.0  # the first of the two
    assert run.seconds_to_best(0.1) == 20.0  # 70.9 is .1 below, in floating point a little more
    assert run.seconds_to_best(0.05) == 30.0
    assert evaluations([None]).seconds_to_best() is None


def test_best_of_a_stage_that_trains_no_classifier_does_not_count():
    assert evaluations([99, 50, 60], [False, True, True]).seconds_to_best() == 30.0


def test_m_after_so_many_seconds():
    run = evaluations([50, 60, 70, 80])  # m is known at 30 s, 60, and at 40 s, 70
    assert [run.smooth_at(each) for each in (29.9, 30.0, 39.9, 40.0, 1e9)] == [None, 60, 60, 70, 70]
