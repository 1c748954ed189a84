"""Two sets of records, from end to end."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import changed, failure, protocol, record
from small_boards import golden, pkd

from bench.compare.comparison import Made, Margins, compare
from bench.compare.finding import Figure, Verdict

METHODS = ("scratch", "kd", "pkd", "at")


def board(drop=0.0, seeds=10, seed=0, **options):
    """22 rows of kd with scores of deviation .2; the first row's are lower by `drop`."""
    generator = np.random.default_rng(seed)
    return [
        record(task=f"task{number:02}", seed=run, test=score - drop * (number == 0), test_items=10_000, **options)
        for number in range(22)
        for run, score in enumerate(generator.normal(70, 0.2, seeds))
    ]


def verdicts(findings):
    return {(each.row.method, each.figure.value): each.verdict.value for each in findings}


def regressions(findings):
    return [(each.row.task, each.figure.value) for each in findings if each.is_regression]


RECORDS = st.lists(
    st.builds(
        lambda method, seed, test, machine, version, fails: (
            failure(method, seed, machine=machine, version=version)
            if fails
            else record(method, seed, test=test, machine=machine, version=version)
        ),
        st.sampled_from(METHODS),
        st.integers(0, 5),
        st.floats(60, 80),
        st.sampled_from(["cpu", "gpu"]),
        st.integers(1, 2),
        st.integers(0, 4).map(lambda number: number == 0),
    ),
    max_size=12,
)


def test_a_drop_among_22_rows_is_found_from_end_to_end():
    findings = compare(board(seed=0), board(drop=1.0, seed=1, environment={"threads": 2}))
    assert regressions(findings) == [("task00", "accuracy")]
    assert [each.figure for each in findings[:8]] == list(Figure)
    drop = next(each for each in findings if each.figure is Figure.ACCURACY)
    assert -1.3 < drop.difference.value < -0.7
    assert drop.p < 0.01


def test_the_same_seed_with_another_score_changes_behaviour_too():
    findings = compare(board(seeds=1), board(seeds=1, drop=1.0))
    assert regressions(findings) == [("task00", "behaviour")]
    (accuracy,) = [each for each in findings if each.figure is Figure.ACCURACY and each.more_seeds]
    assert (accuracy.verdict.value, accuracy.more_seeds) == ("not comparable", 3)


def test_a_board_against_itself_is_the_same_in_every_figure_that_it_has():
    findings = compare(golden(), golden())
    assert {each.verdict for each in findings} == {Verdict.SAME, Verdict.NOT_COMPARABLE}
    open_ = {(each.row.method, each.figure.value) for each in findings if each.verdict is Verdict.NOT_COMPARABLE}
    # No memory was counted, and `at` has two runs of which one was too short for a target.
    assert open_ == {(method, "memory") for method in METHODS} | {("at", "time")}


def test_rows_come_in_order_and_their_figures_as_listed():
    findings = compare(golden(), golden())
    assert [each.row for each in findings] == sorted(each.row for each in findings)
    for method in METHODS:
        figures = [each.figure for each in findings if each.row.method == method]
        assert figures == [figure for figure in Figure if figure in figures]


def test_missing_and_new_rows_have_one_finding():
    findings = compare([record("at"), record("kd")], [record("kd"), record("sp")])
    assert [(each.figure.value, each.verdict.value) for each in findings if each.row.method != "kd"] == [
        ("missing", "missing"),
        ("missing", "new"),
    ]
    assert [each.seen for each in findings if each.row.method == "at"] == ["base alone has it (seed 0)"]


def test_seeds_of_both_sides_are_said():
    finding = compare([record(seed=seed) for seed in range(3)], [record(seed=seed) for seed in range(5)])[1]
    assert (finding.figure, finding.seen) == (Figure.MISSING, "seeds 0-2 in base, seeds 0-4 in head")
    assert finding.verdict is Verdict.SAME


def test_seeds_that_succeeded_in_base_and_are_not_in_head_are_missing():
    base = [*(record(seed=seed) for seed in range(4)), failure(seed=4)]
    finding = compare(base, [record(seed=0), failure(seed=1)])[1]
    assert (finding.figure, finding.verdict) == (Figure.MISSING, Verdict.MISSING)
    assert finding.seen == "seeds 2-3 of base are not in head"


@pytest.mark.parametrize(
    "head",
    [record(task_version=2), record(rules=protocol(version=2)), record(machine="gpu"), record(teacher_key="e" * 64)],
)
def test_what_is_not_comparable_is_never_no_change(head):
    (finding,) = compare([record()], [head])
    assert (finding.figure, finding.verdict) == (Figure.MISSING, Verdict.NOT_COMPARABLE)
    assert finding.seen


@pytest.mark.parametrize(
    "other",
    [
        {"machine": "gpu"},
        {"teacher_key": "e" * 64},
        {"versions": {"python": "3.12.0", "torch": "2.9.0"}},
        {"environment": {"threads": 2}},
    ],
)
def test_in_one_go_the_code_made_every_difference(other):
    """Whatever it writes of the machine, the versions or the teacher: what ran is held against what ran before."""
    made = Made(in_one_go=True)
    same = [each for each in compare([record()], [record(**other)], made=made) if each.figure is Figure.BEHAVIOUR]
    assert [each.verdict for each in same] == [Verdict.SAME]
    [behaviour, cost] = [
        each
        for each in compare([record()], [changed(record(test=1.0, **other), cost={"steps": 401})], made=made)
        if each.figure in {Figure.BEHAVIOUR, Figure.COST}
    ]
    assert behaviour.is_regression
    assert cost.is_regression


def test_in_one_go_a_raised_version_of_the_task_is_still_another_task():
    (finding,) = compare([record()], [record(task_version=2, teacher_key="e" * 64)], made=Made(in_one_go=True))
    assert finding.verdict is Verdict.NOT_COMPARABLE


def test_a_new_failure_is_red_also_in_a_row_that_is_new_or_not_comparable():
    assert verdicts(compare([], [failure("sp")])) == {
        ("sp", "failures"): "new failure",
        ("sp", "missing"): "new",
    }
    assert verdicts(compare([record()], [failure(task_version=2)])) == {
        ("kd", "failures"): "new failure",
        ("kd", "missing"): "not comparable",
    }


def test_a_new_failure_on_other_hardware_is_red_and_an_old_one_is_not():
    head = [failure(status="nan", machine="small")]
    assert verdicts(compare([record()], head)) == {
        ("kd", "failures"): "new failure",
        ("kd", "missing"): "not comparable",
    }
    assert verdicts(compare([failure()], head)) == {("kd", "missing"): "not comparable"}


def test_other_arithmetic_on_the_same_machine_is_a_missing_row():
    findings = compare([record()], [record(precision="bfloat16")])
    assert [(each.row.arithmetic, each.verdict.value) for each in findings] == [
        ("bfloat16", "new"),
        ("float32", "missing"),
    ]
    assert regressions(findings) == [("cifar100", "missing")]


FASTER = {**protocol(), "student": {**protocol()["student"], "learning_rate": 5.0}}


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (
            record(rules=FASTER, test=1.0),
            "protocol fair changed under the same version 1: student.learning_rate 0.05 → 5; raise its version",
        ),
        (
            record(rules=FASTER, test=1.0, version=2, teacher_key="e" * 64),
            "protocol fair changed under the same version 1: student.learning_rate 0.05 → 5; raise its version",
        ),
        (
            record(rules=FASTER, machine="gpu"),
            "protocol fair changed under the same version 1: student.learning_rate 0.05 → 5; raise its version; "
            "base ran in float32 on cpu-2c-8g, head in float32 on gpu",
        ),
        (
            changed(record(), metric="f1"),
            "task cifar100 changed under the same version 1: metric accuracy → f1; raise its version",
        ),
    ],
)
def test_a_protocol_or_metric_that_changed_under_its_version_is_one_regression(head, seen):
    (finding,) = compare([record()], [head])
    assert (finding.figure, finding.verdict, finding.seen) == (Figure.BEHAVIOUR, Verdict.CHANGED, seen)
    assert (finding.announced, finding.is_regression) == ("", True)


def test_a_new_failure_stands_beside_a_protocol_that_changed():
    assert verdicts(compare([record()], [failure(rules=FASTER)])) == {
        ("kd", "failures"): "new failure",
        ("kd", "behaviour"): "behaviour changed",
    }


def test_fewer_steps_are_a_regression_of_cost():
    assert regressions(compare([record()], [changed(record(), cost={"steps": 399})])) == [("cifar100", "cost")]


def test_a_row_that_fails_in_head_altogether_is_one_regression():
    findings = compare([record(seed=seed) for seed in range(5)], [failure(seed=seed) for seed in range(5)])
    assert regressions(findings) == [("cifar100", "failures")]
    assert verdicts(findings)["kd", "accuracy"] == "not comparable"


def test_a_lost_target_is_a_regression():
    base = [*pkd(), *(record("kd", seed) for seed in range(5))]
    head = [*pkd(), *(record("kd", seed, select=(50.0, 55.0, 60.0, 61.0), version=2) for seed in range(5))]
    assert regressions(compare(base, head)) == [("cifar100", "target")]


def test_margins_are_those_that_are_given():
    base = [record(seed=seed, seconds=10.0, test_items=10_000) for seed in range(3)]
    head = [record(seed=seed, seconds=10.4, test=69.5, test_items=10_000) for seed in range(3)]
    strict = verdicts(compare(base, head, Margins(accuracy=0.4, time=3.0)))
    loose = verdicts(compare(base, head, Margins(accuracy=0.6, time=5.0)))
    assert (strict["kd", "accuracy"], loose["kd", "accuracy"]) == ("worse", "no change")
    assert (strict["kd", "time"], loose["kd", "time"]) == ("worse", "no change")


@given(RECORDS)
def test_nothing_is_a_regression_of_itself(made):
    findings = compare(made, made)
    assert not any(each.is_regression for each in findings)
    assert {each.verdict for each in findings} <= {Verdict.SAME, Verdict.NOT_COMPARABLE}


@given(RECORDS, RECORDS, st.randoms())
def test_the_order_of_the_records_does_not_matter(base, head, order):
    findings = compare(base, head)
    assert compare(order.sample(base, len(base)), order.sample(head, len(head))) == findings
    assert len({(each.row, each.figure) for each in findings}) == len(findings)


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6), st.floats(-3, 3))
def test_better_and_worse_change_places_with_the_sides(seed, seeds, seeds_of_head, shift):
    generator = random.Random(seed)
    base, head = (
        [record(method, run, test=generator.gauss(mean, 0.3)) for method in METHODS for run in range(number)]
        for mean, number in ((70, seeds), (70 + shift, seeds_of_head))
    )
    mirror = {Verdict.WORSE: Verdict.BETTER, Verdict.BETTER: Verdict.WORSE}
    forth, back = (
        {each.row: each for each in findings if each.figure is Figure.ACCURACY}
        for findings in (compare(base, head), compare(head, base))
    )
    for row, finding in forth.items():
        assert back[row].verdict is mirror.get(finding.verdict, finding.verdict)
        if finding.difference:
            assert back[row].difference.value == -finding.difference.value


def test_counts_of_a_cost_are_compared_with_the_rest():
    findings = compare([record()], [changed(record(), cost={"steps": 800})])
    assert regressions(findings) == [("cifar100", "cost")]


def test_torch_is_not_imported():
    code = "import sys, bench.compare.comparison; sys.exit(bool({'torch', 'pandas', 'scipy.stats'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
