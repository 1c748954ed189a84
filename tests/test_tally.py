"""What a run has left: counted, and timed by the cells that have been measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import failure, record

from bench import tally as module
from bench.tally import Tally


def took(seconds: float):
    made = record()
    return made.model_copy(update={"cost": made.cost.model_copy(update={"total_seconds": seconds})})


@pytest.fixture(autouse=True)
def still(monkeypatch):
    """A clock that stands still unless a test moves it."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_cells_are_counted():
    tally = Tally(["kd", "kd", "at"], {}, seats=1)
    tally.ended_with("kd", record(), elsewhere=False)
    tally.ended_with("at", failure(), elsewhere=True)
    assert (tally.cells, tally.ended, tally.failed, tally.elsewhere) == (3, 2, 1, 1)


def test_what_runs_is_known_by_its_seat():
    tally = Tally(["kd"] * 2, {}, seats=2)
    tally.began("worker 1", "kd · seed 0")
    tally.stepped("worker 1", 3, 12)
    tally.stepped("nobody", 3, 12)
    assert str(tally.running["worker 1"]) == "kd · seed 0, step 3 of 12"
    tally.left("worker 1")
    tally.left("worker 1")
    assert not tally.running


def test_nothing_is_said_of_the_rest_while_nothing_is_known_of_it():
    tally = Tally(["kd", "at"], {}, seats=1)
    assert tally.remaining_seconds is None
    tally.ended_with("kd", took(10.0), elsewhere=False)
    assert tally.remaining_seconds is None  # of at, nothing is


def test_the_rest_is_expected_before_anything_is_measured():
    assert Tally(["kd", "kd", "at"], {"kd": 10.0, "at": 30.0}, seats=1).remaining_seconds == 50.0
    assert Tally(["kd", "kd", "at"], {"kd": 10.0, "at": 30.0}, seats=2).remaining_seconds == 25.0


def test_what_was_measured_replaces_what_was_expected_and_gives_the_pace_of_the_others():
    tally = Tally(["kd", "kd", "at"], {"kd": 10.0, "at": 30.0}, seats=1)
    tally.ended_with("kd", took(20.0), elsewhere=False)
    # One kd as measured, and at twice as long as expected, as kd was.
    assert tally.remaining_seconds == pytest.approx(20.0 + 60.0)


def test_a_failure_measures_nothing():
    tally = Tally(["kd", "kd"], {"kd": 10.0}, seats=1)
    tally.ended_with("kd", failure(), elsewhere=False)
    assert tally.remaining_seconds == 10.0


def test_what_runs_already_takes_that_much_less(still):
    tally = Tally(["kd", "kd"], {"kd": 10.0}, seats=1)
    tally.began("worker 1", "kd")
    still[0] += 4.0
    assert tally.remaining_seconds == 16.0
    still[0] += 400.0
    assert tally.remaining_seconds == 0.0


def test_no_more_seats_work_than_there_are_cells():
    assert Tally(["kd"], {"kd": 10.0}, seats=8).remaining_seconds == 10.0
    rows = [f"row {number}" for number in range(4)]
    assert Tally(rows, dict.fromkeys(rows, 1.0), seats=8).remaining_seconds == 1.0


ROWS = ("kd", "at", "pkd")


@given(
    st.lists(st.sampled_from(ROWS), max_size=30),
    st.dictionaries(st.sampled_from(ROWS), st.floats(0.1, 1e4)),
    st.lists(st.tuples(st.floats(0.1, 1e4), st.booleans()), max_size=30),
)
def test_the_sums_that_are_kept_are_those_of_all_rows(rows, expected, ends):
    tally = Tally(rows, expected, seats=1)
    left, measured = Counter(rows), defaultdict(list)
    for row, (seconds, failed) in zip(rows, ends, strict=False):
        tally.ended_with(row, failure() if failed else took(seconds), elsewhere=False)
        left[row] -= 1
        measured[row] += [] if failed else [seconds]
    known = {row: fmean(times) for row, times in measured.items() if times}
    both = [row for row in known if row in expected]
    pace = sum(known[row] for row in both) / sum(expected[row] for row in both) if both else 1.0
    each = {row: known.get(row, expected[row] * pace if row in expected else None) for row in +left}
    whole = None if None in each.values() else sum(each[row] * left[row] for row in each)
    assert tally.remaining_seconds == (whole if whole is None else pytest.approx(whole, abs=1e-6))


def test_asking_does_not_go_through_all_rows():
    class Once(str):
        """A row that must not be looked up again."""

        hashed = 0

        def __hash__(self) -> int:
            Once.hashed += 1
            return super().__hash__()

    rows = [Once(f"row {number}") for number in range(100)]
    tally = Tally(rows, dict.fromkeys(rows, 2.0), seats=1)
    tally.ended_with(rows[0], took(2.0), elsewhere=False)
    Once.hashed = 0
    assert tally.remaining_seconds == pytest.approx(198.0)
    assert Once.hashed == 0
