"""How both values and the seeds are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.compare.words import change, differing, of_seeds


@pytest.mark.parametrize(
    ("base", "head", "text"),
    [
        (2.30149, 2.29871, "2.3015 → 2.2987"),
        (0.1 + 0.2, 0.3, "0.30000000000000004 → 0.3"),
        (18, 36, "18 → 36"),
        (1234567, 1234568, "1,234,567 → 1,234,568"),
        (True, False, "True → False"),
        (None, "hints", "none → hints"),
    ],
)
def test_both_values_are_told_apart(base, head, text):
    assert change(base, head) == text


@given(*[st.floats(allow_nan=False, allow_infinity=False)] * 2)
def test_floats_that_differ_are_never_written_alike(base, head):
    one, other = change(base, head).split(" → ")
    assert one != other or base == head


@pytest.mark.parametrize(
    ("seeds", "text"),
    [
        ([0], "seed 0"),
        ([0, 1], "seeds 0-1"),
        ([4, 3, 2, 7], "seeds 2-4, 7"),
        ([1, 3], "seeds 1, 3"),
        ([-1], "seeds -1"),
    ],
)
def test_seeds_are_written_as_runs_take_them(seeds, text):
    assert of_seeds(seeds) == text


def test_leaves_that_differ_have_dotted_names():
    base = {"a": 1, "b": {"c": [1], "d": 2}, "gone": 3}
    head = {"a": 1, "b": {"c": [2], "d": 2}, "new": {"e": 4}}
    assert list(differing(base, head)) == [("b.c", [1], [2]), ("gone", 3, None), ("new", None, {"e": 4})]
