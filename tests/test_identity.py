"""Keys depend on content, not on how it was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.identity import canonical, key_of, keys_over

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
CONTENT = st.recursive(SCALAR, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def turned(content: object) -> object:
    """The same content with every dict written backwards."""
    if isinstance(content, dict):
        return {name: turned(value) for name, value in reversed(content.items())}
    return [turned(each) for each in content] if isinstance(content, list) else content


@settings(max_examples=50)
@given(CONTENT)
def test_order_does_not_matter(content: object) -> None:
    assert key_of(turned(content)) == key_of(content)


@settings(max_examples=50)
@given(CONTENT)
def test_canonical_json_is_json_of_the_same_content(content: object) -> None:
    assert json.loads(canonical(content)) == content
    assert key_of(json.loads(canonical(content))) == key_of(content)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), CONTENT), st.text(), st.lists(st.integers()))
def test_keys_over_numbers_are_those_made_one_by_one(content: dict, name: str, numbers: list[int]) -> None:
    assert list(keys_over(content, name, numbers)) == [key_of({**content, name: number}) for number in numbers]


@pytest.mark.parametrize(
    "other", [{"a": 2, "b": [1, 2]}, {"a": 1, "b": [2, 1]}, {"a": 1}, {"a": "1", "b": [1, 2]}, {"a": 1, "c": [1, 2]}]
)
def test_other_content_has_another_key(other: dict) -> None:
    assert key_of(other) != key_of({"a": 1, "b": [1, 2]})


def test_the_key_is_the_sha256_of_the_text() -> None:
    assert canonical({"b": (1, 0.5), "a": "é"}) == '{"a":"é","b":[1,0.5]}'
    assert key_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        key_of({"a": [value]})
