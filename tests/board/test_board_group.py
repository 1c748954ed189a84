"""What may stand in one table, what is one row, and which runs a row counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import changed, failure, placed, protocol, record
from small_boards import ROOT

from bench.board.entries import entries
from bench.board.group import groups


def grouped(*made):
    return groups(entries(placed(made), ROOT))


def labels(group):
    return [row.label for row in group.rows]


@pytest.mark.parametrize(
    "other",
    [
        {"task": "sst2"},
        {"task_version": 2},
        {"pair": ("resnet56", "vgg8")},
        {"rules": protocol("quick")},
        {"rules": protocol(version=2)},
        {"rules": protocol(evaluations=41)},
        {"precision": "bfloat16"},
        {"compiled": True},
        {"budget": 0.5},
        {"teacher": "d" * 64},
        {"pretrained": "e" * 64},
    ],
    ids=lambda other: next(iter(other)),
)
def test_never_in_one_group(other):
    assert len(grouped(record(), record(seed=1))) == 1
    assert len(grouped(record(), record(seed=1, **other))) == 2


def test_a_failure_stands_under_its_own_teacher_alone():
    broken = failure("kd", 1)
    other = record("kd", 2, teacher="d" * 64, teacher_key="e" * 64)
    ours, theirs = grouped(record("kd"), broken, other)
    assert [len(group.row_of("kd").failures) for group in (ours, theirs)] == [1, 0]
    # Where nothing tells whose it is, it is nowhere lost.
    lost = failure("kd", 1, teacher_key="9" * 64)
    assert [len(group.row_of("kd").failures) for group in grouped(record("kd"), lost, other)] == [1, 1]


def test_the_first_machine_is_the_one_where_the_teachers_runs_are():
    there = [record("scratch", seed, machine="there") for seed in range(9)]
    here = [record("scratch", machine="here", test=1.0), record("kd", machine="here", teacher="d" * 64)]
    [group] = grouped(*there, *here)
    assert group.machines == ("here", "there")


def test_runs_without_a_teacher_stand_with_every_teacher():
    first, second = grouped(record(teacher="a" * 64), record(teacher="d" * 64, machine="m2"), record("scratch"))
    assert labels(first) == labels(second) == ["kd", "scratch"]
    assert (first.teacher.sha256[0], second.teacher.sha256[0]) == ("a", "d")
    assert [len(group.row_of("kd").entries) for group in (first, second)] == [1, 1]


def test_a_failure_before_its_teacher_is_known_is_nowhere_lost():
    found = grouped(record(teacher="a" * 64), record(seed=1, teacher="d" * 64), failure("at"))
    assert [labels(group) for group in found] == [["at", "kd"], ["at", "kd"]]


def test_group_without_any_teacher():
    (group,) = grouped(record("scratch"), record("dml"))
    assert group.teacher is None
    assert labels(group) == ["dml", "scratch"]


def test_labels_show_only_what_differs():
    made = [
        record("kd", parameters={"alpha": 0.9, "temperature": 4.0, "mapping": "skip"}),
        record("kd", parameters={"alpha": 0.9, "temperature": 2.0, "mapping": "last"}),
        record("at", parameters={"beta": 1000.0}),
    ]
    (group,) = grouped(*made)
    assert sorted(labels(group)) == ["at", "kd[mapping=last, temperature=2.0]", "kd[mapping=skip, temperature=4.0]"]


def test_versions_of_a_method_are_rows_of_their_own():
    (group,) = grouped(record("kd"), record("kd", version=2, parameters={"new": True}))
    assert labels(group) == ["kd v2[new=true]", "kd v1"]


def test_a_control_is_the_set_with_most_seeds():
    hot = [record("kd", seed, parameters={"temperature": 8.0}) for seed in range(3)]
    usual = [record("kd", seed, parameters={"temperature": 4.0}) for seed in range(4)]
    (group,) = grouped(*hot, *usual)
    assert group.row_of("kd").label == "kd[temperature=4.0]"
    assert group.row_of("pkd") is None


def test_a_method_that_only_failed_is_no_control():
    (group,) = grouped(failure("kd"), record("scratch"))
    assert group.row_of("kd") is None


def test_a_seed_on_two_machines_counts_once():
    here = [record("kd", seed, test=70.0 + seed, machine="m2") for seed in (0, 1)]
    there = [record("kd", seed, test=60.0 + seed, machine="m1") for seed in (1,)]
    (group,) = grouped(*here, *there)
    (row,) = group.rows
    assert group.machines == ("m2", "m1")
    # Of several machines the first by name, whichever has more runs: what others ran never decides.
    assert row.scores == {0: 70.0, 1: 61.0}
    assert [len(row.on(machine)) for machine in group.machines] == [2, 1]


def test_a_seed_that_only_the_other_machine_has_counts():
    here = [record("kd", seed, test=70.0, machine="m2") for seed in (0, 1)]
    (group,) = grouped(*here, record("kd", 5, test=65.0, machine="m1"))
    assert group.rows[0].scores == {0: 70.0, 1: 70.0, 5: 65.0}


def test_the_defaults_stand_for_a_method_whatever_was_tuned():
    default = record("kd", 0, parameters={"temperature": 4.0})
    tuned = [
        changed(record("kd", seed, parameters={"temperature": 2.0}), tuned={"temperature": 2.0}) for seed in range(3)
    ]
    [group] = grouped(default, *tuned)
    assert group.row_of("kd").label == "kd[temperature=4.0]"
    [alone] = grouped(*tuned)
    assert alone.rows[0].label == "kd[temperature=2.0]"


def test_a_seed_that_failed_here_counts_from_where_it_succeeded():
    (group,) = grouped(failure("kd", 0, machine="m1"), record("kd", 0, test=65.0, machine="m2"))
    [row] = group.rows
    assert row.scores == {0: 65.0}
    assert [row.diverged(machine) for machine in ("m1", "m2")] == [1, 0]


RUNS = st.builds(
    record,
    st.sampled_from(["scratch", "kd", "pkd"]),
    st.integers(0, 3),
    test=st.floats(0, 100),
    machine=st.sampled_from(["m1", "m2", "m3"]),
)


@given(st.lists(RUNS, min_size=1, max_size=12), st.lists(RUNS, min_size=1, max_size=6))
def test_more_runs_of_one_method_leave_the_scores_of_another(made, more):
    """Also where they change which machine has most runs."""
    (before,), (after,) = grouped(*made), grouped(*made, *(each for each in more if each.cell.method.name == "kd"))
    for name in ("scratch", "pkd"):
        one, other = (row and row.scores for row in (before.row_of(name), after.row_of(name)))
        assert one == other


def test_groups_of_alike_titles_have_identities_of_their_own():
    made = [record(pair=("a->b", "c")), record(pair=("a", "b->c"))]
    one, other = grouped(*made)
    assert one.title == other.title
    assert one.identity != other.identity
    assert one.identity == grouped(made[1] if one.cell.pair.teacher == "a" else made[0])[0].identity


def test_a_seed_counts_once_on_a_machine_also_under_two_keys_of_one_teacher():
    trained, brought = record("kd", 0, test=70.0), record("kd", 0, test=60.0, teacher_key=f"file:{'a' * 64}")
    (group,) = grouped(trained, brought, record("kd", 1))
    row = group.row_of("kd")
    assert len(row.on("cpu-2c-8g")) == len(row.by_seed) == 2
    assert len(row.again) == 1
    assert {entry.record.key for entry in (row.by_seed[0], *row.again)} == {trained.key, brought.key}


def test_differences_are_taken_on_one_machine_where_one_has_both():
    made = [
        record("scratch", 0, test=50.0, machine="a"),
        record("scratch", 0, test=60.0, machine="b"),
        record("scratch", 1, test=51.0, machine="a"),
        record("kd", 0, test=63.0, machine="b"),
        record("kd", 1, test=55.0, machine="b"),
        record("kd", 2, test=99.0, machine="b"),
    ]
    (group,) = grouped(*made)
    kd, scratch = group.row_of("kd"), group.row_of("scratch")
    assert scratch.scores == {0: 50.0, 1: 51.0}
    assert kd.minus(scratch) == [3.0, 4.0]
    assert scratch.minus(kd) == [-3.0, -4.0]


def test_a_machine_without_a_run_under_the_teacher_shows_no_times():
    (group,) = grouped(record("kd", machine="b"), record("scratch", machine="b"), record("scratch", 1, machine="a"))
    assert (group.machines, group.timed) == (("b", "a"), ("b",))
    (alone,) = grouped(record("scratch", 1, machine="a"))
    assert alone.timed == ("a",)
