"""Means, intervals and paired differences, against figures worked out by hand and against scipy.stats."""

import math

import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.board.statistics import Summary, lower_median, paired_difference, summarise, upper_median

VALUES = st.floats(0, 100, allow_nan=False)


def test_by_hand():
    # sd = sqrt(.1), t(.975, 4) = 2.776445: 2.776445 · .316228 / sqrt(5) = .392649
    summary = summarise([68.0, 68.2, 68.4, 68.6, 68.8])
    assert summary.mean == pytest.approx(68.4)
    assert summary.half_width == pytest.approx(0.392649, abs=1e-6)
    assert summary.n == 5


def test_paired_by_hand():
    # Differences 1.0, 1.3, .8, 1.3, .6: mean 1, variance .38/4; seed 9 and seed 7 have no partner.
    control = {0: 68.0, 1: 68.2, 2: 68.4, 3: 68.6, 4: 68.8, 7: 99.0}
    values = {0: 69.0, 1: 69.5, 2: 69.2, 3: 69.9, 4: 69.4, 9: 1.0}
    difference = paired_difference(values, control)
    assert difference.mean == pytest.approx(1.0)
    assert difference.half_width == pytest.approx(0.382707, abs=1e-6)
    assert difference.n == 5


def test_few_values():
    assert summarise([]) is None
    assert summarise([70.0]) == Summary(70.0, None, 1)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


@given(st.lists(VALUES, min_size=2, max_size=12))
def test_interval_is_that_of_scipy(values):
    assume(max(values) - min(values) > 1e-3)
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    summary = summarise(values)
    assert summary.mean - summary.half_width == pytest.approx(low, abs=1e-6)
    assert summary.mean + summary.half_width == pytest.approx(high, abs=1e-6)


def test_equal_values_have_an_interval_of_no_width():
    assert summarise([70.0] * 5) == Summary(70.0, 0.0, 5)


@given(st.dictionaries(st.integers(0, 9), st.tuples(VALUES, VALUES), min_size=2))
def test_paired_interval_is_that_of_scipy(pairs):
    values, control = ({seed: pair[side] for seed, pair in pairs.items()} for side in (0, 1))
    gaps = [value - other for value, other in pairs.values()]
    assume(max(gaps) - min(gaps) > 1e-3)  # scipy warns of round-off below
    reference = scipy.stats.ttest_rel(list(values.values()), list(control.values()))
    low, high = reference.confidence_interval(0.95)
    difference = paired_difference(values, control)
    assert difference.mean - difference.half_width == pytest.approx(low, abs=1e-6)
    assert difference.mean + difference.half_width == pytest.approx(high, abs=1e-6)


@given(st.lists(VALUES, min_size=1, max_size=9).flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_order_of_the_values_never_matters(both):
    values, shuffled = both
    assert summarise(values) == summarise(shuffled)


@pytest.mark.parametrize(
    ("summary", "above", "below"),
    [
        (Summary(1.0, 0.9, 5), True, False),
        (Summary(1.0, 1.0, 5), False, False),
        (Summary(-1.0, 0.9, 5), False, True),
        (Summary(-1.0, 1.1, 5), False, False),
        (Summary(9.0, None, 1), False, False),
    ],
)
def test_side_of_zero(summary, above, below):
    assert (summary.above_zero, summary.below_zero) == (above, below)


@pytest.mark.parametrize(
    ("values", "lower", "upper"),
    [
        ([3.0], 3.0, 3.0),
        ([4.0, 1.0], 1.0, 4.0),
        ([3.0, 1.0, 2.0], 2.0, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 2.0, 3.0),
        ([math.inf, 1.0, math.inf, 2.0], 2.0, math.inf),
        ([math.inf, 1.0, 2.0], 2.0, 2.0),
    ],
)
def test_medians(values, lower, upper):
    assert (lower_median(values), upper_median(values)) == (lower, upper)
