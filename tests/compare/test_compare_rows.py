"""Which records are one row, which of them count, and what a row is held against."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import changed, failure, protocol, record
from rows_of_records import row_of

from bench.compare.finding import RowName
from bench.compare.rows import matched, row_name, runs_of


def started(made, when):
    return changed(made, provenance={"started": when})


def test_a_row_is_named_as_on_the_board():
    made = changed(
        record("kd", parameters={"temperature": 2.0, "alpha": 0.5}, budget=0.5, compiled=True),
        tuned={"temperature": 2.0},
    )
    assert row_name(made) == RowName(
        task="cifar100",
        pair="resnet56->resnet20",
        protocol="fair at 0.5 of its budget",
        method="kd[temperature=2.0]",
        arithmetic="float32, compiled",
        machine="cpu-2c-8g",
    )


def test_seeds_and_failures_are_of_one_row():
    (runs,) = runs_of([record(seed=3), failure(seed=2), record(seed=0)]).values()
    assert list(runs.by_seed) == [0, 2, 3]
    assert list(runs.done) == [0, 3]
    assert list(runs.failed) == [2]


def test_the_newest_version_counts():
    old, new = record(seed=0, version=1), record(seed=1, version=2)
    late = started(old, "2027-01-01T00:00:00Z")
    for made in ([late, new], [new, late]):
        (runs,) = runs_of(made).values()
        assert list(runs.by_seed.values()) == [new]
    rules = protocol(version=2)
    (runs,) = runs_of([record(version=9), record(rules=rules)]).values()
    assert runs.cell.protocol["version"] == 2
    (runs,) = runs_of([record(version=9, rules=rules), record(task_version=2)]).values()
    assert runs.cell.task.version == 2


def test_of_two_contents_of_a_version_the_one_that_started_last_counts():
    old = started(record(parameters={"temperature": 4.0}), "2026-01-01T00:00:00Z")
    new = started(record(parameters={"temperature": 2.0}), "2026-01-02T00:00:00Z")
    for made in ([old, new], [new, old]):
        (runs,) = runs_of(made).values()
        assert runs.cell.method.parameters == {"temperature": 2.0}


def test_of_two_runs_of_a_cell_a_success_counts_and_then_the_later():
    first = started(record(test=70.0), "2026-01-01T00:00:00Z")
    second = started(record(test=71.0), "2026-01-02T00:00:00Z")
    failed = started(failure(), "2026-01-03T00:00:00Z")
    for made in ([first, second, failed], [failed, second, first]):
        (runs,) = runs_of(made).values()
        assert runs.by_seed == {0: second}


def test_rows_of_one_side_alone():
    gone, new = matched([record("at"), record()], [record(), record("sp")])[0::2]
    assert (gone.name.method, gone.head, gone.reasons) == ("at", None, ())
    assert (new.name.method, new.base, new.reasons) == ("sp", None, ())


def test_a_row_that_ran_elsewhere_is_neither_missing_nor_new():
    row = row_of([record()], [record(machine="gpu", precision="bfloat16"), record(machine="cpu-9c")])
    assert row.name.machine == "cpu-2c-8g"
    assert row.reasons == ("base ran in float32 on cpu-2c-8g, head in bfloat16 on gpu, in float32 on cpu-9c",)


def test_a_row_that_moved_keeps_the_runs_of_head_and_its_failures_first():
    head = [record(seed=1, machine="gpu"), record(machine="gpu"), failure(machine="cpu-9c"), record(machine="small")]
    row = row_of([record()], head)
    assert list(row.head.by_seed) == [0, 1]
    assert row.head.failed == {0: head[2]}
    assert not row.is_comparable


def test_rows_that_moved_from_several_machines_are_each_held_against_head():
    rows = matched([record(), record(machine="old")], [record(machine="gpu")])
    assert [(row.name.machine, row.head.any.machine) for row in rows] == [("cpu-2c-8g", "gpu"), ("old", "gpu")]


def test_a_row_in_other_arithmetic_on_the_same_machine_has_not_moved():
    head = [record(precision="bfloat16"), record(precision="bfloat16", machine="gpu")]
    rows = matched([record()], head)
    assert [(row.name.arithmetic, row.name.machine, row.base is None, row.head is None) for row in rows] == [
        ("bfloat16", "cpu-2c-8g", True, False),
        ("bfloat16", "gpu", True, False),
        ("float32", "cpu-2c-8g", False, True),
    ]
    assert not any(row.reasons for row in rows)


def test_a_further_machine_is_new():
    rows = matched([record()], [record(), record(machine="gpu")])
    assert [(row.name.machine, row.base is None, row.reasons) for row in rows] == [
        ("cpu-2c-8g", False, ()),
        ("gpu", True, ()),
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"task_version": 2}, "task cifar100 v1 → v2"),
        ({"rules": protocol(version=2)}, "protocol fair v1 → v2"),
        ({"pretrained": "d" * 64}, "pretrained model none → dddddddddddd"),
        ({"teacher_key": "e" * 64}, "teacher ffffffffffff → eeeeeeeeeeee"),
        ({"teacher_key": f"file:{'e' * 64}"}, "teacher ffffffffffff → eeeeeeeeeeee"),
    ],
)
def test_what_is_not_comparable_says_why(options, reason):
    assert row_of([record()], [record(**options)]).reasons == (reason,)


def test_what_changed_under_the_same_version_is_unannounced():
    for head in (record(rules=protocol(window=5)), record(rules=protocol(window=5), teacher_key="e" * 64)):
        row = row_of([record()], [head])
        assert row.unannounced == ("protocol fair changed under the same version 1: window 3 → 5; raise its version",)
        assert (row.reasons, row.is_comparable) == ((), False)
    row = row_of([record()], [changed(record(), metric="f1")])
    assert row.unannounced == (
        "task cifar100 changed under the same version 1: metric accuracy → f1; raise its version",
    )


def test_a_raised_version_beside_it_says_what_else_changed():
    row = row_of([record()], [record(task_version=2, rules=protocol(window=5))])
    assert row.reasons == ("task cifar100 v1 → v2", "protocol fair changed under the same version 1: window 3 → 5")
    assert row.unannounced == ()
    row = row_of([record()], [changed(record(rules=protocol(version=2, window=5)), metric="f1")])
    assert row.reasons == (
        "protocol fair v1 → v2",
        "task cifar100 changed under the same version 1: metric accuracy → f1",
    )
    assert row.unannounced == ()


def test_the_teacher_of_another_task_version_goes_without_saying():
    row = row_of([record()], [record(task_version=2, teacher_key="e" * 64)])
    assert row.reasons == ("task cifar100 v1 → v2",)


def test_a_raised_version_of_the_method_announces_and_a_lowered_one_does_not():
    assert row_of([record()], [record(version=2)]).announced == "kd v1 → v2"
    assert row_of([record(version=2)], [record()]).announced == ""
    assert row_of([record()], [record()]).announced == ""


MIXED = [record(seed=0), record(seed=1), failure(seed=1), record("at"), record(version=2), failure("sp")]


@given(st.permutations(MIXED))
def test_the_order_of_the_records_does_not_matter(made):
    assert matched(made, made[::-1]) == matched(MIXED, MIXED)
