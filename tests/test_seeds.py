"""Seeds, as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.seeds import parse_seeds


@given(st.sets(st.integers(0, 500), min_size=1))
def test_seeds_are_read_as_they_are_written(seeds: set[int]) -> None:
    assert parse_seeds([",".join(map(str, seeds))]) == parse_seeds(map(str, seeds)) == tuple(sorted(seeds))


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9)), min_size=1))
def test_ranges_of_seeds_include_both_ends(ranges: list[tuple[int, int]]) -> None:
    expected = sorted({seed for first, more in ranges for seed in range(first, first + more + 1)})
    assert list(parse_seeds([", ".join(f"{first}-{first + more}" for first, more in ranges)])) == expected


@pytest.mark.parametrize("text", ["", "a", "-1", "1-", "3-1", "1.5", "1,,2", "0-2-4", "0..3"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="are not of the form 3 or 0-4"):
        parse_seeds([text])


@pytest.mark.parametrize("text", ["0-999999999999", "5-10005", "99999999999999999999"])
def test_more_seeds_than_anybody_can_run_are_refused_at_once(text: str) -> None:
    with pytest.raises(UsageError, match="expected at most 10,000 seeds, up to 2,147,483,647"):
        parse_seeds([text])
