"""Which rows are better: pairs, Holm over all of them, ranks that are not transitive."""

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from records import record
from small_boards import KD, SCRATCH, analysis, golden

from bench.board.comparisons import Comparisons


def compared(**scores):
    """method → test metrics of seeds 0, 1, …"""
    made = [record(name, seed, test=test) for name, tests in scores.items() for seed, test in enumerate(tests)]
    found = analysis(*made)
    return found.comparisons, {row.method: row for row in found.group.rows}


def test_golden_board_by_hand():
    """Three complete rows, three pairs: pkd − scratch is constant, the other two differ by the same five numbers."""
    found = analysis(*golden())
    rows = {row.method: row for row in found.group.rows}
    p = scipy.stats.ttest_rel(KD, SCRATCH).pvalue
    assert found.comparisons.adjusted == pytest.approx(
        {
            (rows["pkd"].identity, rows["scratch"].identity): 0.0,
            (rows["kd"].identity, rows["scratch"].identity): 2 * p,
            (rows["kd"].identity, rows["pkd"].identity): 2 * p,
        }
    )
    assert [found.comparisons.rank(rows[name]) for name in ("pkd", "kd", "scratch", "at")] == [1, 2, 3, None]
    assert found.comparisons.p(rows["at"], rows["kd"]) is None
    assert not found.comparisons.told_apart(rows["at"], rows["kd"])


def test_p_does_not_depend_on_who_is_asked_first():
    found, rows = compared(a=KD, b=SCRATCH)
    assert found.p(rows["a"], rows["b"]) == found.p(rows["b"], rows["a"]) < 0.05
    assert found.better(rows["a"], rows["b"])
    assert not found.better(rows["b"], rows["a"])
    assert found.told_apart(rows["b"], rows["a"])


@pytest.mark.parametrize(
    ("gains", "p", "told"),
    [
        ([0, 1, 2, 1, 1], 0.0341, True),  # mean 1, sd .707: t = 3.16
        ([0, 0, 2, 2, 1], 0.0890, False),  # mean 1, sd 1: t = 2.24
    ],
)
def test_the_level_is_five_percent(gains, p, told):
    found, rows = compared(a=[base + gain for base, gain in zip(SCRATCH, gains, strict=True)], b=SCRATCH)
    assert found.p(rows["a"], rows["b"]) == pytest.approx(p, abs=5e-5)
    assert found.better(rows["a"], rows["b"]) == told
    assert found.rank(rows["b"]) == 1 + told


def test_not_being_told_apart_is_not_transitive():
    """a beats c; b, which scatters, is told apart from neither: two methods of rank 1, and c is second."""
    a = [70.0, 70.1, 70.2, 70.0, 70.1]
    b = [70.6, 68.4, 70.8, 68.6, 69.9]
    c = [69.0, 69.2, 69.1, 69.0, 69.2]
    found, rows = compared(a=a, b=b, c=c)
    assert [found.told_apart(rows[one], rows[other]) for one, other in ("ab", "bc", "ac")] == [False, False, True]
    assert {name: found.rank(rows[name]) for name in "abc"} == {"a": 1, "b": 1, "c": 2}


def test_too_few_seeds_in_common_are_no_test():
    seeds = {"a": range(5), "b": range(1, 6)}
    made = [record(name, seed, test=70.0 + 9 * (name == "a")) for name in seeds for seed in seeds[name]]
    found = analysis(*made)
    assert found.comparisons.adjusted == {}
    assert [found.comparisons.rank(row) for row in found.group.rows] == [1, 1]


def test_more_rows_make_a_larger_family():
    three, rows = compared(a=KD, b=SCRATCH, c=SCRATCH)
    two, _ = compared(a=KD, b=SCRATCH)
    assert three.p(rows["a"], rows["b"]) == pytest.approx(3 * two.p(rows["a"], rows["b"]))


@given(st.floats(0, 100), st.integers(5, 8))
def test_equal_constant_samples_are_equal(value, n):
    found, rows = compared(a=[value] * n, b=[value] * n)
    assert found.p(rows["a"], rows["b"]) == 1.0
    assert not found.told_apart(rows["a"], rows["b"])
    assert {found.rank(row) for row in rows.values()} == {1}


SCORES = st.lists(st.floats(0, 100), min_size=5, max_size=5)


@given(st.lists(SCORES, min_size=1, max_size=5))
def test_ranks_are_counts_of_better_rows(all_scores):
    found, rows = compared(**{f"m{number}": scores for number, scores in enumerate(all_scores)})
    for row in rows.values():
        better = [other for other in rows.values() if found.better(other, row)]
        # There is no rank where there is nothing to compare with.
        assert found.rank(row) == (1 + len(better) if len(rows) > 1 else None)
        assert not any(found.better(row, other) for other in better)
    assert Comparisons.of(tuple(reversed(found.rows))).adjusted.keys() == {
        (b, a) for a, b in found.adjusted
    }  # every pair once, whatever the order
