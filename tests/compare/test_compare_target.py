"""Base's target, held against both sides: lost, regained, in doubt, or another target."""

import pytest
from records import failure, protocol, record
from small_boards import EARLY, NEVER, pkd

from bench.compare.rows import matched
from bench.compare.target import targets

MISS = NEVER


def runs(method, hits, misses, **options):
    """EARLY reaches τ = 62.7 after 20 s, where m is 63 after the third evaluation, 30 s; NEVER does not."""
    made = [record(method, seed, select=EARLY, **options) for seed in range(hits)]
    return [*made, *(record(method, seed, select=MISS, test=60.0, **options) for seed in range(hits, hits + misses))]


def found(base, head, method="kd"):
    return {each.row.method: each for each in targets(matched(base, head))}.get(method)


def other(**options):
    """Another run of the same seeds under conditions that do not repeat bits."""
    return {"environment": {"threads": 2}, **options}


def test_equal_bits_have_nothing_to_lose():
    made = [*pkd(), *runs("kd", 4, 1)]
    finding = found(made, made)
    assert (finding.verdict.value, finding.test, finding.p) == ("no change", "equal to the bit", None)
    assert finding.seen == "τ 62.70: 30 s (4/5) → 30 s (4/5)"


def test_a_lost_target_is_worse_and_a_regained_one_better():
    good, bad = [*pkd(), *runs("kd", 5, 0)], [*pkd(), *runs("kd", 1, 4, **other())]
    lost, regained = found(good, bad), found(bad, good)
    assert (lost.verdict.value, lost.seen) == ("worse", "τ 62.70: 30 s (5/5) → ∞ (1/5)")
    # Fisher by hand: 6 / 252, with one row tested.
    assert lost.p == pytest.approx(6 / 252)
    assert lost.is_regression
    assert (regained.verdict.value, regained.seen) == ("better", "τ 62.70: ∞ (1/5) → 30 s (5/5)")


def test_a_raised_version_does_not_announce_a_lost_target():
    assert found([*pkd(), *runs("kd", 5, 0)], [*pkd(), *runs("kd", 0, 5, version=2)]).is_regression


def test_a_median_that_may_be_chance_is_in_doubt():
    finding = found([*pkd(), *runs("kd", 3, 2)], [*pkd(), *runs("kd", 2, 3, **other())])
    assert (finding.verdict.value, finding.more_seeds) == ("no change", 10)
    assert finding.seen == "τ 62.70: 30 s (3/5) → ∞ (2/5), which may be chance"
    again = found([*pkd(), *runs("kd", 6, 4)], [*pkd(), *runs("kd", 5, 5, **other())])
    assert again.verdict.value == "no change"


def test_more_hits_or_a_target_that_was_never_met_is_no_change():
    assert found([*pkd(), *runs("kd", 0, 5)], [*pkd(), *runs("kd", 1, 4, **other())]).more_seeds == 0
    assert found([*pkd(), *runs("kd", 3, 2)], [*pkd(), *runs("kd", 5, 0, **other())]).verdict.value == "no change"


def test_every_seed_that_turned_where_bits_repeat_needs_no_test():
    lost = found([*pkd(), *runs("kd", 2, 0)], [*pkd(), *runs("kd", 0, 2)])
    assert (lost.verdict.value, lost.test, lost.p) == ("worse", "every seed, which repeats its bits, turned", None)
    elsewhere = found([*pkd(), *runs("kd", 2, 0)], [*pkd(), *runs("kd", 0, 2, **other())])
    assert (elsewhere.verdict.value, elsewhere.more_seeds) == ("no change", 3)
    assert found([*pkd(), *runs("kd", 2, 1)], [*pkd(), *runs("kd", 0, 3)]).verdict.value == "no change"


@pytest.mark.parametrize("seeds", [4, 5])
def test_five_seeds_that_all_turned_need_no_holm(seeds):
    methods = [f"m{number:02}" for number in range(22)]
    good = [*pkd(), *(run for method in methods for run in runs(method, seeds, 0))]
    bad = [*pkd(), *runs("m00", 0, seeds, **other())]
    bad += [run for method in methods[1:] for run in runs(method, seeds - 1, 1, **other())]
    lost, regained = found(good, bad, "m00"), found(bad, good, "m00")
    if seeds == 4:
        assert {lost.verdict.value, regained.verdict.value} == {"no change"}
        assert (lost.p, lost.more_seeds) == (pytest.approx(22 / 70), 5)
    else:
        # Fisher, 1 / 252, is adjusted to .087.
        assert (lost.verdict.value, lost.test, lost.p) == ("worse", "every seed turned", None)
        assert regained.verdict.value == "better"
    assert found(good, bad, "m01").verdict.value == "no change"


def test_a_run_that_diverged_is_a_miss_and_another_failure_is_none():
    nans = [failure("kd", seed) for seed in range(5)]
    lost = found([*pkd(), *runs("kd", 5, 0)], [*pkd(), *nans])
    assert (lost.verdict.value, lost.seen) == ("worse", "τ 62.70: 30 s (5/5) → ∞ (0/5)")
    errors = [failure("kd", seed, status="error") for seed in range(5)]
    none = found([*pkd(), *runs("kd", 5, 0)], [*pkd(), *errors])
    assert (none.verdict.value, none.seen) == ("not comparable", "no run succeeded in head")


def test_the_tests_are_adjusted_over_the_rows_that_changed():
    others = ("at", "sp", "fsp")
    base = [*pkd(), *(run for method in ("kd", *others) for run in runs(method, 5, 0))]
    head = [*pkd(), *runs("kd", 1, 4, **other()), *(run for method in others for run in runs(method, 5, 0))]
    assert found(base, head).p == pytest.approx(6 / 252)
    changed = [*pkd(), *(run for method in ("kd", *others) for run in runs(method, 1, 4, **other()))]
    finding = found(base, changed)
    assert finding.p == pytest.approx(4 * 6 / 252)
    assert (finding.verdict.value, finding.more_seeds) == ("no change", 10)


@pytest.mark.parametrize(
    ("made", "rules", "why"),
    [
        (pkd(range(4)), protocol(), "4 of 5 pkd seeds"),
        ([], protocol(), "0 of 5 pkd seeds"),
        (pkd(rules=protocol(select=False)), protocol(select=False), "the protocol has no select split"),
    ],
)
def test_without_a_target_in_base_a_row_says_why_unless_its_bits_are_the_same(made, rules, why):
    base = [*made, *runs("kd", 5, 0, rules=rules)]
    finding = found(base, [*pkd(rules=rules), *runs("kd", 0, 5, rules=rules)])
    assert (finding.verdict.value, finding.seen) == ("not comparable", f"no target in base: {why}")
    assert not finding.is_regression
    assert found(base, base) is None


def test_a_row_without_a_teacher_on_a_machine_without_one_has_no_target():
    base = [*pkd(machine="far"), *runs("scratch", 5, 0)]
    finding = found(base, [*pkd(machine="far"), *runs("scratch", 0, 5)], "scratch")
    assert finding.seen == "no target in base: no run with a teacher succeeded on this machine"


def test_head_needs_no_run_of_the_target_method():
    assert found([*pkd(), *runs("kd", 5, 0)], runs("kd", 0, 5)).verdict.value == "worse"
    assert found([*pkd(), *runs("scratch", 5, 0)], runs("scratch", 0, 5), "scratch").verdict.value == "worse"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ([*pkd(version=2), *runs("kd", 0, 5)], "the target's method pkd v1 → v2"),
        ([*pkd(parameters={"beta": 1.0}), *runs("kd", 0, 5)], "the target's method pkd has other parameters"),
        (
            [*pkd(teacher="d" * 64), *runs("kd", 0, 5, teacher="d" * 64)],
            "the target's teacher has other weights: sha256 aaaaaaaaaaaa → dddddddddddd",
        ),
    ],
)
def test_another_target_is_not_comparable(head, reason):
    finding = found([*pkd(), *runs("kd", 5, 0)], head)
    assert (finding.verdict.value, finding.seen) == ("not comparable", reason)


def test_a_row_without_a_teacher_has_the_target_of_its_own_machine():
    elsewhere = {"machine": "far", "teacher": "0" * 64, "teacher_key": "0" * 64}
    far = [record("pkd", seed, select=(80.0,) * 4, **elsewhere) for seed in range(5)]
    base = [*far, *pkd(), *runs("scratch", 5, 0)]
    assert found(base, base, "scratch").seen.startswith("τ 62.70")


def test_budgets_have_targets_of_their_own():
    base = [*pkd(), *runs("kd", 5, 0), *runs("kd", 5, 0, budget=0.5)]
    rows = matched(base, base)
    assert {each.row.protocol for each in targets(rows)} == {"fair"}
