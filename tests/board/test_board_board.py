"""All records as groups with titles that tell them apart."""

import pytest
from records import placed, protocol, record
from small_boards import ROOT, analyses

from bench.board.board import Board


def titles(*made):
    found = Board.of(placed(made), ROOT)
    return sorted(each.title for each in found.analyses)


def test_a_title_says_task_pair_and_protocol():
    assert titles(record(), record("scratch", rules=protocol())) == ["cifar100 v1 · resnet56->resnet20 · fair v1"]
    assert titles(record(task_version=2, rules=protocol("quick", version=3))) == [
        "cifar100 v2 · resnet56->resnet20 · quick v3"
    ]


@pytest.mark.parametrize(
    ("other", "marks"),
    [
        ({"teacher": "d" * 64, "teacher_key": "e" * 64}, ("teacher aaaaaaaa", "teacher dddddddd")),
        ({"precision": "bfloat16"}, ("bfloat16", "float32")),
        ({"compiled": True}, ("float32", "float32, compiled")),
        ({"pretrained": "d" * 64}, ("not pretrained", "pretrained dddddddd")),
    ],
)
def test_groups_that_share_a_title_say_in_what_they_differ_and_nothing_else(other, marks):
    usual = "cifar100 v1 · resnet56->resnet20 · fair v1"
    assert titles(record(), record(**other)) == [f"{usual} · {mark}" for mark in marks]


def test_two_contents_of_a_protocol_of_one_name_are_told_apart():
    one, other = titles(record(), record(rules=protocol(window=5)))
    assert one != other
    assert {one[:-8], other[:-8]} == {"cifar100 v1 · resnet56->resnet20 · fair v1 · protocol "}


def test_smaller_budgets_belong_to_the_whole_one():
    whole, half, quarter = record(), record(budget=0.5), record(budget=0.25)
    [found] = analyses(half, whole, quarter)
    assert sorted(found.rungs) == [0.25, 0.5]
    assert titles(half, whole, quarter) == ["cifar100 v1 · resnet56->resnet20 · fair v1"]
    assert [each.rungs for each in analyses(half, record(rules=protocol("quick")))] == [{}, {}]


def test_no_records_are_no_groups():
    assert analyses() == ()
