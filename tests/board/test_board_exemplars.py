"""Compression-identified exemplars by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import changed, record
from small_boards import analysis, texts

from bench.board.exemplars import Exemplars, Votes, exemplars
from bench.board.tables.fidelity import fidelity

LABELS = np.array([0, 1, 2, 3])


def votes(*classes):
    """One list of classes a seed; the right ones are 0, 1, 2, 3."""
    return Votes(np.array(classes, dtype=np.uint16), np.array(classes) == LABELS)


REFERENCES = votes([0, 1, 2, 0], [0, 1, 2, 0], [0, 1, 2, 0], [0, 1, 0, 3], [0, 9, 0, 3])  # modal: 0 1 2 0
STUDENTS = votes([0, 5, 2, 3], [0, 5, 2, 3], [0, 5, 2, 3], [0, 1, 2, 3], [0, 1, 2, 0])  # modal: 0 5 2 3


def test_modal_label_of_every_item():
    assert REFERENCES.modal.tolist() == [0, 1, 2, 0]
    assert STUDENTS.modal.tolist() == [0, 5, 2, 3]


def test_of_several_most_frequent_labels_the_lowest_counts():
    assert votes([7, 1, 2, 3], [2, 1, 2, 3], [7, 1, 2, 3], [2, 1, 2, 3], [0, 1, 2, 3]).modal[0] == 2
    assert votes(*([each, 0, 0, 0] for each in (65535, 4, 3, 2, 1))).modal[0] == 1


def test_by_hand():
    """Items 1 and 3 changed. There students are right 2 + 4 times of 10, references 4 + 2 times."""
    assert exemplars(STUDENTS, REFERENCES) == Exemplars(2, 4, 60.0, 60.0)
    better = votes([0, 1, 2, 3], *([[0, 1, 2, 3]] * 4))
    assert exemplars(better, REFERENCES) == Exemplars(1, 4, 100.0, 40.0)


def test_nothing_changed_has_no_accuracy():
    assert exemplars(STUDENTS, STUDENTS) == Exemplars(0, 4, None, None)


@pytest.mark.parametrize(
    ("students", "references"),
    [
        (None, REFERENCES),
        (STUDENTS, None),
        (votes(*STUDENTS.classes[:4]), REFERENCES),
        (STUDENTS, votes(*REFERENCES.classes[:4])),
        (Votes(STUDENTS.classes[:, :3], STUDENTS.correct[:, :3]), REFERENCES),
    ],
)
def test_none_without_five_seeds_on_both_sides_and_the_same_items(students, references):
    assert exemplars(students, references) is None


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=7))
def test_the_modal_label_is_the_first_of_the_most_frequent(classes):
    for item, label in enumerate(votes(*classes).modal):
        column = [row[item] for row in classes]
        assert label == min(set(column), key=lambda each: (-column.count(each), each))


def runs(method, classes):
    return [
        record(method, seed, predicted=each, labels=LABELS) for seed, each in enumerate(classes.classes.astype(int))
    ]


def test_on_the_board():
    shown = texts(fidelity(analysis(*runs("scratch", REFERENCES), *runs("kd", STUDENTS), *runs("at", STUDENTS)[:4])))
    keys = ("changed items", "accuracy there", "scratch's there")
    assert [shown["kd"][key] for key in keys] == ["2 of 4", "60.00", "60.00"]
    assert [shown["scratch"][key] for key in keys] == ["–"] * 3
    assert [shown["at"][key] for key in keys] == ["–"] * 3


def test_a_run_without_predicted_classes_leaves_the_row_without():
    first, *rest = runs("kd", STUDENTS)
    shown = texts(fidelity(analysis(*runs("scratch", REFERENCES), changed(first, predictions=None), *rest)))
    assert "changed items" not in shown["kd"]
