"""Data as scripts: whatever is in them comes out as it went in, and nothing else happens."""

import pages
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.page.script import script, text_of

SHARP = st.text(st.sampled_from("\\`$<>{}'\"/!-u003c\n\r\u2028\x00a"))
TEXTS = st.one_of(st.text(), SHARP, st.sampled_from(pages.HOSTILE))
CONTENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda children: st.one_of(st.lists(children), st.dictionaries(TEXTS, children)),
)


@given(CONTENTS)
def test_any_content_comes_back(content):
    assert pages.handed_over(script("a/b", text_of(content)), "a/b") == content


def test_what_json_lacks_is_no_data():
    with pytest.raises(ValueError, match="not JSON compliant"):
        text_of(float("inf"))
