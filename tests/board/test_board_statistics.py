"""Means, intervals, paired tests and Holm, against figures worked out by hand and against scipy.stats."""

import math
from itertools import pairwise

import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.board.statistics import (
    Summary,
    fisher,
    geometric_mean,
    holm,
    lower_bound,
    lower_median,
    p_above,
    paired_differences,
    paired_test,
    summarise,
    upper_median,
    welch,
)

VALUES = st.floats(0, 100, allow_nan=False)
P = st.floats(0, 1, allow_nan=False)


def test_by_hand():
    # sd = sqrt(.1), t(.975, 4) = 2.776445: 2.776445 · .316228 / sqrt(5) = .392649
    summary = summarise([68.0, 68.2, 68.4, 68.6, 68.8])
    assert summary.mean == pytest.approx(68.4)
    assert summary.deviation == pytest.approx(0.316228, abs=1e-6)
    assert summary.half_width == pytest.approx(0.392649, abs=1e-6)
    assert summary.n == 5


def test_paired_by_hand():
    # Differences 1.0, 1.3, .8, 1.3, .6: mean 1, variance .38/4; seed 9 and seed 7 have no partner.
    control = {0: 68.0, 1: 68.2, 2: 68.4, 3: 68.6, 4: 68.8, 7: 99.0}
    values = {4: 69.4, 0: 69.0, 1: 69.5, 2: 69.2, 3: 69.9, 9: 1.0}
    differences = paired_differences(values, control)
    assert differences == pytest.approx([1.0, 1.3, 0.8, 1.3, 0.6])
    whole = summarise(differences)
    assert whole.mean == pytest.approx(1.0)
    assert whole.half_width == pytest.approx(0.382707, abs=1e-6)
    # t = 1 / (.308221 / sqrt(5)) = 7.254763, and t(.95, 4) = 2.131847
    assert lower_bound(differences) == pytest.approx(1 - 2.131847 / 7.254763, abs=1e-6)
    assert paired_test(differences) == pytest.approx(2 * scipy.stats.t.sf(7.254763, 4), rel=1e-5)


@given(st.lists(VALUES, min_size=2, max_size=12), VALUES)
def test_the_mean_above_a_limit_is_that_of_scipy(values, limit):
    assume(max(values) - min(values) > 1e-3)
    reference = scipy.stats.ttest_1samp(values, limit, alternative="greater").pvalue
    assert p_above(values, limit) == pytest.approx(reference, rel=1e-6, abs=1e-12)


def test_a_mean_without_deviation_is_above_a_limit_or_not():
    assert [p_above([0.1] * 3, limit) for limit in (0.0, 0.1, 0.2)] == [0.0, 1.0, 1.0]


def test_few_values():
    assert math.isnan(p_above([1.0], 0.0))
    assert summarise([]) is None
    assert summarise([70.0]) == Summary(70.0, None, 1)
    assert paired_differences({0: 1.0}, {1: 1.0}) == []
    assert math.isnan(paired_test([]))
    assert math.isnan(paired_test([1.0]))
    assert lower_bound([1.0]) is None


@given(st.lists(VALUES, min_size=2, max_size=12))
def test_interval_is_that_of_scipy(values):
    assume(max(values) - min(values) > 1e-3)
    reference = scipy.stats.ttest_1samp(values, 0)
    low, high = reference.confidence_interval(0.95)
    summary = summarise(values)
    assert summary.mean - summary.half_width == pytest.approx(low, abs=1e-6)
    assert summary.mean + summary.half_width == pytest.approx(high, abs=1e-6)
    one_sided = scipy.stats.ttest_1samp(values, 0, alternative="greater").confidence_interval(0.95)
    assert lower_bound(values) == pytest.approx(one_sided.low, abs=1e-6)


@given(st.dictionaries(st.integers(0, 9), st.tuples(VALUES, VALUES), min_size=2))
def test_the_paired_test_is_that_of_scipy(pairs):
    values, control = ({seed: pair[side] for seed, pair in pairs.items()} for side in (0, 1))
    gaps = [value - other for value, other in pairs.values()]
    assume(max(gaps) - min(gaps) > 1e-3)  # scipy warns of round-off below
    reference = scipy.stats.ttest_rel(list(values.values()), list(control.values()))
    low, high = reference.confidence_interval(0.95)
    differences = paired_differences(values, control)
    whole = summarise(differences)
    assert whole.mean - whole.half_width == pytest.approx(low, abs=1e-6)
    assert whole.mean + whole.half_width == pytest.approx(high, abs=1e-6)
    assert paired_test(differences) == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)


@given(VALUES, st.integers(2, 9), st.floats(-5, 5))
def test_constant_differences_have_no_deviation(value, n, gap):
    """Equal samples are equal; a gap that is the same with every seed is sure, whatever the round-off."""
    values, control = ({seed: value + seed + each for seed in range(n)} for each in (gap, 0.0))
    same = dict.fromkeys(range(n), value)
    assert paired_test(paired_differences(same, same)) == 1.0
    assume(abs(gap) > 1e-6)
    assert paired_test(paired_differences(values, control)) == 0.0


def test_equal_values_have_an_interval_of_no_width():
    assert summarise([70.0] * 5) == Summary(70.0, 0.0, 5, 0.0)


@given(st.lists(VALUES, min_size=1, max_size=9).flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_order_of_the_values_never_matters(both):
    values, shuffled = both
    assert summarise(values) == summarise(shuffled)
    assert paired_test(values) == paired_test(shuffled) or len(values) == 1


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04: 4 · .01, 3 · .02, 2 · .03, and .04 that may not be less than the one before.
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03, "d": 0.02}) == pytest.approx(
        {"b": 0.04, "d": 0.06, "c": 0.06, "a": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@given(st.lists(P, min_size=1, max_size=12))
def test_holm_agrees_with_the_rule_of_the_paper(values):
    """Holm (1979): walk up from the smallest p, reject while p ≤ α / (m − k), stop at the first that is not."""
    adjusted = holm(dict(enumerate(values)))
    # Levels in the middle between the adjusted values, where round-off cannot decide.
    steps = sorted({0.0, *adjusted.values(), 1.0})
    levels = [(low + high) / 2 for low, high in pairwise(steps) if high - low > 1e-9]
    for level in levels:
        rejected = set()
        for number, key in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if values[key] > level / (len(values) - number):
                break
            rejected.add(key)
        assert rejected == {key for key, p in adjusted.items() if p <= level}


@given(st.dictionaries(st.text(max_size=3), P, max_size=12))
def test_holm_does_not_depend_on_the_order_and_is_never_less_than_p(tests):
    adjusted = holm(tests)
    assert adjusted == holm(dict(reversed(tests.items())))
    assert all(tests[key] <= adjusted[key] <= 1 for key in tests)


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


def test_geometric_mean():
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)
    assert geometric_mean([2.0, 4.0, 1.0]) == pytest.approx(2.0)


@given(*[st.lists(st.integers(0, 10_000).map(lambda n: n / 100), min_size=2, max_size=12)] * 2)
def test_welch_is_that_of_scipy(first, second):
    assume(len(set(first)) > 1 and len(set(second)) > 1)  # scipy warns of round-off otherwise
    test = welch(first, second)
    reference = scipy.stats.ttest_ind(second, first, equal_var=False, alternative="less")
    assert test.p_lower == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)
    assert test.p_higher == pytest.approx(1 - reference.pvalue, rel=1e-6, abs=1e-12)
    assert test.degrees == pytest.approx(reference.df)
    low, high = scipy.stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    assert test.difference - test.reach(0.975) == pytest.approx(low, abs=1e-6)
    assert test.difference + test.reach(0.975) == pytest.approx(high, abs=1e-6)


@given(*[st.lists(VALUES, min_size=2, max_size=9)] * 2)
def test_welch_mirrors_when_the_samples_change_places(first, second):
    one, other = welch(first, second), welch(second, first)
    assert (one.difference, one.error, one.p_lower) == (-other.difference, other.error, other.p_higher)


def test_welch_of_constant_samples_is_sure():
    equal, lower = welch([70.1] * 5, [70.1] * 3), welch([70.1] * 5, [70.0] * 3)
    assert (equal.p_lower, equal.p_higher, equal.reach(0.975)) == (1.0, 1.0, 0.0)
    assert (lower.p_lower, lower.p_higher) == (0.0, 1.0)
    assert welch([70.0], [69.0, 68.0]) is None


def test_welch_knows_no_variance_below_the_least():
    # Deviation 0 of 5 values and .1 of 3, the floor .04: error sqrt(.04 / 5 + .04 / 3).
    test = welch([70.0, 70.1, 69.9], [69.0] * 5, least_variance=0.04)
    assert (test.difference, test.error) == pytest.approx((-1.0, math.sqrt(0.04 / 3 + 0.04 / 5)))
    assert test.degrees == pytest.approx(1 / ((5 / 8) ** 2 / 2 + (3 / 8) ** 2 / 4))
    wide = [70.0, 71.0, 69.0], [69.0, 68.0, 70.0]
    assert welch(*wide, least_variance=0.04) == welch(*wide)


def test_welch_against_a_constant_sample_has_the_degrees_of_the_other():
    # Deviation .1 of 3 values: error .1 / sqrt(3), t = -1 · sqrt(3) / .1.
    test = welch([70.0, 70.1, 69.9], [69.0] * 5)
    assert (test.difference, test.error, test.degrees) == pytest.approx((-1.0, 0.1 / math.sqrt(3), 2.0))
    assert test.p_lower == pytest.approx(scipy.stats.t.sf(math.sqrt(3) / 0.1, 2))


@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_fisher_is_that_of_scipy(data, of, of_now):
    hits, hits_now = data.draw(st.integers(0, of)), data.draw(st.integers(0, of_now))
    table = [[hits_now, of_now - hits_now], [hits, of - hits]]
    assert fisher(hits, of, hits_now, of_now) == pytest.approx(scipy.stats.fisher_exact(table, "less").pvalue)


def test_fisher_by_hand():
    # Of 10 runs with 6 hits, 5 drawn: C(6, 1) C(4, 4) / C(10, 5) = 6 / 252, and none has fewer.
    assert fisher(5, 5, 1, 5) == pytest.approx(6 / 252)
