"""The accuracy verdict: its cases by hand, and its false alarms and power, simulated with fixed seeds."""

import math

import numpy
import pytest
import scipy.stats
from records import changed, record
from rows_of_records import row_of
from simulations import simulate

from bench.compare.accuracy import Scores, accuracy
from bench.compare.looks import share

BASE = (69.8, 70.1, 70.0, 69.9, 70.2)


def found(base, head, margin=0.3, identical=False, **options):
    return accuracy({"row": Scores(tuple(base), tuple(head), identical)}, margin, **options)["row"]


def test_a_drop_by_hand():
    head = [value - 1 for value in BASE]
    finding = found(BASE, head)
    assert finding.verdict.value == "worse"
    assert finding.seen == "70.00 → 69.00 over 5 and 5 seeds"
    reference = scipy.stats.ttest_ind(head, BASE, equal_var=False, alternative="less").pvalue
    assert finding.p == pytest.approx(reference)
    assert found(BASE, head, until_sure=True).p == pytest.approx(reference / share(5, 1))
    assert finding.difference.value == pytest.approx(-1)
    # sd .158114 on both sides: error .1, t(.975, 8) = 2.306004.
    assert finding.difference.low == pytest.approx(-1.2306004)
    assert finding.difference.high == pytest.approx(-0.7693996)
    assert found(head, BASE).verdict.value == "better"


def test_a_drop_within_the_margin_is_none():
    head = [value - 0.6 for value in BASE]
    assert found(BASE, head, margin=0.5).verdict.value == "worse"
    within = found(BASE, head, margin=0.7)
    assert (within.verdict.value, within.more_seeds) == ("no change", 10)
    assert within.seen == "70.00 → 69.40 over 5 and 5 seeds; a drop of 0.79 cannot be excluded"


def test_a_row_that_may_have_dropped_is_in_doubt_until_ten_seeds():
    loose = (69.0, 71.0, 70.0)
    findings = [found(loose * times, loose * times) for times in (1, 2, 3, 4)]
    assert [each.more_seeds for each in findings] == [5, 10, 10, 0]
    assert [each.undecided for each in findings] == [False, False, False, True]
    assert all(each.in_doubt for each in findings)
    assert found(loose[:2], BASE).more_seeds == 3


def test_more_seeds_take_no_verdict_back_where_nothing_is_looked_at_again():
    """p has all of the level, whatever the number of seeds: Welch's test alone decides."""
    drawn = numpy.random.default_rng(0).normal(0.0, 0.5, (2, 12))
    for seeds in range(9, 13):
        base, head = (70 + each[:seeds] - each[:seeds].mean() for each in drawn)
        reference = scipy.stats.ttest_ind(head - 0.8, base, equal_var=False, alternative="less").pvalue
        finding = found(base, head - 0.8)
        assert finding.p == pytest.approx(reference)
        assert (finding.verdict.value == "worse") == (reference < 0.01)


def test_a_row_that_has_not_dropped_needs_no_more_seeds():
    finding = found(BASE, BASE)
    assert (finding.verdict.value, finding.more_seeds) == ("no change", 0)
    # Without a doubt: error .1, t(.95, 8) = 1.859548, so at most .19 lower.
    assert finding.seen == "70.00 → 70.00 over 5 and 5 seeds"


def test_equal_constant_samples_are_equal():
    finding = found([70.0] * 5, [70.0] * 5)
    assert (finding.verdict.value, finding.p, finding.more_seeds) == ("no change", 1.0, 0)
    assert (finding.difference.low, finding.difference.high) == (0.0, 0.0)


def test_constant_samples_that_differ_are_different():
    worse, better = found([70.0] * 5, [69.5] * 5), found([69.5] * 5, [70.0] * 5)
    assert (worse.verdict.value, worse.p) == ("worse", 0.0)
    assert (better.verdict.value, better.p) == ("better", 0.0)
    within = found([70.0] * 3, [69.8] * 3)
    assert (within.verdict.value, within.p, within.more_seeds) == ("no change", 0.0, 0)


def test_equal_samples_on_a_grid_are_no_surer_than_the_grid():
    """Of 300 test items one moves a score by a third of a point: variance 1 / 108, error sqrt(2 / 5 / 108)."""
    step = 1 / 3
    one_lower = accuracy({"row": Scores((70.0,) * 5, (70.0 - step,) * 5, step=step)}, 0.3)["row"]
    p = scipy.stats.t.sf(step / math.sqrt(2 / 5 / 108), 8)
    assert one_lower.p == pytest.approx(p)
    assert one_lower.difference.high > -step
    three = {"row": Scores((70.0,) * 3, (70.0 - step,) * 3, step=step)}
    finding = accuracy(three, 0.3, until_sure=True)["row"]
    assert (finding.verdict.value, finding.more_seeds) == ("no change", 5)


def test_samples_that_spread_more_than_their_grid_are_tested_as_they_are():
    head = tuple(value - 1 for value in BASE)
    assert accuracy({"row": Scores(BASE, head, step=0.1)}, 0.3)["row"] == found(BASE, head)


def test_the_grid_is_that_of_the_test_items():
    assert Scores.of(row_of([record(test_items=278)], [record(test_items=278)])).step == 100 / 278
    assert Scores.of(row_of([changed(record(), test_items=None)], [record(test_items=278)])).step == 100 / 278
    unknown = changed(record(), test_items=None)
    assert Scores.of(row_of([unknown], [unknown])).step == 0.0


def test_one_seed_is_no_test():
    finding = found([70.0], [60.0])
    assert (finding.verdict.value, finding.p, finding.more_seeds) == ("not comparable", None, 3)
    assert finding.seen == "70.00 → 60.00 over 1 and 1 seed; no test with fewer than 2 seeds on a side"


def test_one_seed_with_the_same_bits_is_no_change():
    finding = found([70.0], [70.0], identical=True)
    assert (finding.verdict.value, finding.test, finding.difference.value) == ("no change", "equal to the bit", 0.0)


def test_no_run_on_a_side_is_not_comparable():
    finding = found(BASE, [])
    assert (finding.verdict.value, finding.seen, finding.more_seeds) == (
        "not comparable",
        "no run succeeded in head",
        0,
    )


def test_rows_with_the_same_bits_are_not_in_the_family():
    drop = Scores(BASE, tuple(value - 0.5 for value in BASE))
    same = Scores(BASE, BASE, identical=True)
    untested = Scores(BASE[:1], BASE[:1])
    alone = accuracy({"drop": drop}, 0.3)["drop"]
    among = accuracy({"drop": drop, **{f"same {i}": same for i in range(30)}, "untested": untested}, 0.3)["drop"]
    assert among == alone
    family = accuracy({"drop": drop, **{f"other {i}": Scores(BASE, BASE) for i in range(30)}}, 0.3)["drop"]
    assert family.p > alone.p


def test_one_row_with_5_seeds():
    assert simulate(rows=1, drop=0.0, repetitions=20_000, most=5).false_alarms <= 0.01
    assert simulate(rows=1, drop=0.5, repetitions=20_000, most=5).power >= 0.75
    assert simulate(rows=1, drop=1.0, repetitions=5_000, most=5).power >= 0.99


@pytest.mark.parametrize("first", [5, 3])
def test_a_family_of_22_rows_whose_doubts_get_seeds(first):
    found = simulate(rows=22, drop=0.5, repetitions=1_000, first=first)
    assert found.power >= 0.85
    assert found.false_alarms <= 0.01
    assert found.seeds < 8


@pytest.mark.parametrize("rows", [1, 22])
def test_looking_again_raises_no_more_false_alarms_where_the_margin_does_not_help(rows):
    """At five times the margin every row is in doubt until 10 seeds; with all of the level at each look it is 2%."""
    assert simulate(rows=rows, drop=0.0, deviation=1.5, repetitions=11_000 // rows, first=3).false_alarms <= 0.01


@pytest.mark.parametrize("step", [0.36, 0.17])
@pytest.mark.parametrize("deviation", [0.1, 0.2])
def test_samples_that_a_grid_makes_equal_by_chance_raise_no_false_alarms(step, deviation):
    """Without the floor of the variance up to an eighth of the boards is red."""
    found = simulate(rows=22, drop=0.0, repetitions=1_000, deviation=deviation, first=3, step=step)
    assert found.false_alarms <= 0.01
