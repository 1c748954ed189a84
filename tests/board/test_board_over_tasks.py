"""Figures over tasks by hand: profile, geometric mean, ranks, and which cells take part."""

import math

import pytest
from records import changed, failure, placed, protocol, record
from small_boards import NEVER, ROOT, texts

from bench.board.board import Board
from bench.board.over_tasks import over_tasks, summary

SCRATCH = [60.0, 60.2, 60.4, 60.6, 60.8]
UP = (60.0, 60.0, 60.0, 60.0)
"""m is 60 from the third evaluation on: whoever runs it matches at once."""


def runs(method, task, gain=0.0, seconds=10.0, select=UP, seeds=5, **options):
    """The gain over plain training is the same with every seed but for a little, so that it is sure."""
    return [
        record(method, seed, task=task, test=SCRATCH[seed] + gain + 0.01 * (-1) ** seed * (gain != 0),
               seconds=seconds, select=select, **options)
        for seed in range(seeds)
    ]  # fmt: skip


def over(*made):
    return over_tasks(Board.of(placed(made), ROOT))


TWO = [
    *runs("scratch", "a", select=NEVER),
    *runs("pkd", "a", gain=2.0),
    *runs("kd", "a", gain=1.0, seconds=20.0),
    *runs("at", "a", gain=0.5, seconds=5.0),
    *runs("scratch", "b", select=NEVER),
    *runs("pkd", "b", gain=1.0),
    *runs("kd", "b", gain=-1.0, seconds=5.0),
]


def test_profile_by_hand():
    """a: pkd 30 s, kd 60 s, at 15 s, scratch never; b: pkd 30 s, kd 15 s, scratch never."""
    [found] = over(*TWO)
    assert found.profile.ratios == {
        "at": [1.0],
        "kd": [4.0, 1.0],
        "pkd": [2.0, 2.0],
        "scratch": [math.inf, math.inf],
    }


def test_summary_by_hand():
    [found] = over(*TWO)
    assert (found.protocol, found.machine, found.tasks) == ("fair v1", "cpu-2c-8g", 2)
    shown = texts(summary(found))
    assert list(shown) == ["pkd", "kd", "scratch", "at"]
    assert shown["pkd"] == {
        "cells": "2",
        "mean vs scratch": "+1.50",
        "better / open / worse": "2 / 0 / 0",
        "mean rank": "1.0",
        "× shortest": "2.00 (2)",
    }
    # The geometric mean of 4 and 1; second in a, third in b.
    assert [shown["kd"][key] for key in ("mean vs scratch", "better / open / worse", "mean rank", "× shortest")] == [
        "0.00", "1 / 0 / 1", "2.5", "2.00 (2)"
    ]  # fmt: skip
    assert shown["at"]["cells"] == "1"
    assert shown["at"]["mean rank"] == "3.0"
    # A miss enters as 4.
    assert shown["scratch"]["× shortest"] == "4.00 (2)"
    assert shown["scratch"]["mean vs scratch"] == "–"


def test_a_ratio_above_four_enters_as_four_too():
    slow = [*runs("sp", "a", seconds=1000.0), *runs("sp", "b", seconds=10.0)]
    [found] = over(*TWO, *slow)
    assert found.profile.ratios["sp"] == pytest.approx([200 / 3 * 3, 2.0])
    assert texts(summary(found))["sp"]["× shortest"] == "2.83 (2)"  # sqrt(4 · 2)


def test_a_task_with_two_pairs_counts_once_in_the_mean():
    other = {"pair": ("vgg13", "vgg8")}
    more = [*runs("scratch", "a", select=NEVER, **other), *runs("pkd", "a", gain=4.0, **other)]
    [found] = over(*TWO, *more)
    shown = texts(summary(found))["pkd"]
    assert shown["cells"] == "3"
    assert shown["mean vs scratch"] == "+2.00"  # (mean of 2 and 4, then with 1)


def test_methods_that_are_not_told_apart():
    [found] = over(*TWO, *runs("sp", "a", gain=0.0), *runs("sp", "b", gain=0.0))
    shown = texts(summary(found))
    assert shown["sp"]["not told apart from"] == "scratch"
    assert shown["scratch"]["not told apart from"] == "sp"
    assert shown["sp"]["better / open / worse"] == "0 / 2 / 0"


def test_one_task_is_not_several():
    assert over(*runs("scratch", "a"), *runs("pkd", "a"), *runs("pkd", "a", pair=("vgg13", "vgg8"))) == []


@pytest.mark.parametrize(
    "other",
    [
        {"rules": protocol("quick")},
        {"rules": protocol(version=2)},
        {"machine": "m2"},
        {"budget": 0.5},
    ],
    ids=["protocol", "version", "machine", "budget"],
)
def test_never_over(other):
    assert over(*runs("pkd", "a"), *runs("kd", "a"), *runs("pkd", "b", **other), *runs("kd", "b", **other)) == []


def test_a_task_that_says_so_is_in_no_aggregate():
    small = [changed(each, in_aggregates=False) for each in runs("pkd", "wnli", gain=-50.0)]
    assert over(*runs("pkd", "a"), *small) == []
    [found] = over(*TWO, *small)
    assert texts(summary(found))["pkd"]["cells"] == "2"
    # Not even a failure may tell otherwise.
    assert over(*runs("pkd", "a"), changed(failure("kd", task="wnli"), in_aggregates=False), *small) == []


def test_small_tasks_are_not_in_the_profile():
    small = [
        each
        for method, seconds in (("pkd", 10.0), ("kd", 40.0))
        for each in runs(method, "rte", seconds=seconds, select_items=999)
    ]
    [found] = over(*TWO, *small)
    assert len(found.profile.ratios["pkd"]) == 2
    assert found.tasks == 3
    [one] = over(*[each for each in TWO if each.cell.task.name == "a"], *small)
    assert one.profile is None
    assert "× shortest" not in texts(summary(one))["pkd"]


def test_of_a_task_the_newest_version_counts():
    newer = [*runs("scratch", "a", task_version=2), *runs("pkd", "a", gain=-5.0, task_version=2)]
    [found] = over(*TWO, *newer)
    assert texts(summary(found))["pkd"]["mean vs scratch"] == "-2.00"


def test_of_other_teachers_the_one_with_most_runs_counts():
    fewer = [*runs("pkd", "a", gain=-9.0, teacher="d" * 64, teacher_key="e" * 64)]
    [found] = over(*TWO, *fewer)
    assert texts(summary(found))["pkd"]["mean vs scratch"] == "+1.50"


def test_tuned_and_provisional_rows_do_not_take_part():
    tuned = [changed(each, tuned={"t": 2.0}) for each in runs("sp", "a", gain=9.0, parameters={"t": 2.0})]
    [found] = over(*TWO, *tuned, *runs("fsp", "a", gain=9.0, seeds=4))
    assert not {"sp", "fsp"} & set(texts(summary(found)))


def test_one_run_on_a_machine_is_no_time_in_the_profile():
    there = [*runs("pkd", "a", machine="m2"), *runs("pkd", "b", machine="m2"),
             *runs("kd", "a", seconds=0.1, machine="m2", seeds=1)]  # fmt: skip
    here, there = over(*TWO, *there)
    assert (here.machine, there.machine) == ("cpu-2c-8g", "m2")
    assert there.profile.ratios == {"pkd": [1.0, 1.0]}


def test_a_protocol_without_controls_has_no_differences():
    rules = protocol(controls=())
    [found] = over(*(each for task in "ab" for name in ("kd", "pkd") for each in runs(name, task, rules=rules)))
    assert set(texts(summary(found))["pkd"]) == {"cells", "mean rank", "× shortest", "not told apart from"}
