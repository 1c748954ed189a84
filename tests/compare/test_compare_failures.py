"""New failures, old ones, and those that are mended."""

from records import failure, record
from rows_of_records import brief, row_of

from bench.compare.failures import failures


def found(base, head):
    return brief(failures(row_of(base, head)))


def test_a_failure_that_base_does_not_have_is_new():
    assert found([record(seed=0), record(seed=1)], [record(seed=0), failure(seed=1)]) == (
        "new failure",
        "nan at seed 1: FloatingPointError: the loss is nan at step 7",
    )


def test_how_many_fail_and_what_base_has_not_run_is_said():
    assert found([record(seed=0)], [failure(seed=0, status="oom", reason="out of memory"), failure(seed=1)]) == (
        "new failure",
        "oom at seed 0: out of memory; 2 of 2 runs fail anew; base has not run seed 1",
    )


def test_a_failure_at_a_seed_that_base_never_ran_is_new():
    assert found([failure(seed=0)], [failure(seed=0), failure(seed=1)])[0] == "new failure"


def test_a_failure_as_before_is_no_change():
    assert found([failure(seed=0)], [failure(seed=0, reason="in other words")]) == (
        "no change",
        "nan as before (seed 0)",
    )
    assert found([record()], [record()]) == ("no change", "no run failed")


def test_a_seed_that_fails_in_another_way_fails_anew():
    assert found(
        [failure(seed=0), failure(seed=1)], [failure(seed=0), failure(seed=1, status="error", reason="x")]
    ) == (
        "new failure",
        "nan → error at seed 1: x",
    )


def test_a_failure_that_succeeds_now_is_better():
    assert found([failure(seed=0), failure(seed=1)], [record(seed=0), failure(seed=1)]) == (
        "better",
        "nan → ok (seed 0)",
    )


def test_a_seed_that_head_did_not_run_is_not_mended():
    assert found([failure(seed=0), record(seed=1)], [record(seed=1)]) == ("no change", "no run failed")


def test_a_raised_version_does_not_announce_a_failure():
    assert failures(row_of([record()], [failure(version=2)])).is_regression
