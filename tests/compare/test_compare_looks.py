"""The level over the looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.compare.looks import LOOKS, next_look, share


@given(st.integers(1, 10_000))
def test_the_parts_of_all_looks_are_the_whole_level(rows):
    parts = [share(look, rows) for look in LOOKS]
    assert sum(parts) == pytest.approx(1)
    assert all(part > 0 for part in parts)


@given(st.integers(2, 40), st.integers(1, 100))
def test_between_two_looks_the_part_is_that_of_the_earlier(seeds, rows):
    earlier = max((look for look in LOOKS if look <= seeds), default=LOOKS[0])
    assert share(seeds, rows) == share(earlier, rows)


def test_more_seeds_up_to_ten():
    assert [next_look(seeds) for seeds in (1, 2, 3, 4, 5, 7, 10, 12)] == [3, 3, 5, 5, 10, 10, 0, 0]
