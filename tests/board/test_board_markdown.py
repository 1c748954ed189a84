"""Text from records can never become markup; figures are written the same everywhere."""

import html
import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.board.markdown import (
    count,
    duration,
    escape,
    link,
    megabytes,
    point,
    points,
    quantity,
    ratio,
    seconds,
    table,
    to_match,
)
from bench.board.match import Median
from bench.board.statistics import Summary

ENTITY = re.compile(r"&#\d+;")


@given(st.text())
@example("a|b")
@example("<script>alert(1)</script>")
@example("`code` *bold* __init__ [x](javascript:1) ![i](u) ~~s~~ $x$ \\| &amp;")
@example("two\nlines\r\n\x00\u2028\u202e")
def test_escape(text):
    escaped = escape(text).replace("<!-- -->", "")
    assert not set("|<`*[]\\&#~$!{}@\n\r") & set(ENTITY.sub("", escaped))
    assert not re.search(r"(^|[^\w])_|_($|[^\w])", ENTITY.sub("", escaped))
    shown = "".join(char if char.isprintable() else " " for char in text)
    assert html.unescape(escaped) == " ".join(shown.split())


@pytest.mark.parametrize("address", ["https://a.b/c", "HTTP://a.b", "www.a.b", "WWW.a.b", "someone@a.b"])
def test_addresses_are_no_links(address):
    escaped = escape(f"see {address}, there")
    assert not re.search(r"(?i)://|www\.|\w(@|&#64;)", escaped)
    assert html.unescape(escaped.replace("<!-- -->", "")) == f"see {address}, there"


@pytest.mark.parametrize("name", ["wrn_40_2", "resnet56->resnet20", "kd", "a-b.c (x), 2=3; 1:2", "MiniLMv2", "café"])
def test_ordinary_names_stay_readable(name):
    assert escape(name) == name


def test_link_target_has_no_markup():
    assert link("0", "my results/a(1)|<b>.json") == "[0](my%20results/a%281%29%7C%3Cb%3E.json)"


def test_table():
    assert table(["Method", "n"], [["kd", "1"], ["scratch", "10,000"]]).splitlines() == [
        "| Method  |      n |",
        "| ------- | -----: |",
        "| kd      |      1 |",
        "| scratch | 10,000 |",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (points(None), "–"),
        (points(Summary(71.234, None, 1)), "71.23 (1)"),
        (points(Summary(71.234, 0.306, 5)), "71.23 ± 0.31 (5)"),
        (points(Summary(1.2, 0.3, 5), signed=True), "+1.20 ± 0.30 (5)"),
        (points(Summary(-1.2, 0.3, 5), signed=True), "-1.20 ± 0.30 (5)"),
        (points(Summary(-0.001, 0.3, 5), signed=True), "0.00 ± 0.30 (5)"),
        (points(Summary(0.001, 0.3, 5), signed=True), "0.00 ± 0.30 (5)"),
        (point(None), "–"),
        (seconds(None), "–"),
        (seconds(0.853), "0.85 s"),
        (seconds(41.23), "41.2 s"),
        (seconds(1234.5), "1,234 s"),
        (duration(None), "–"),
        (duration(Summary(41.23, 1.26, 5)), "41.2 ± 1.3 s (5)"),
        (duration(Summary(1234.5, None, 1)), "1,234 s (1)"),
        (to_match(None, "seconds"), "–"),
        (to_match(Median(41.2, 4, 5), "seconds"), "41.2 s (4/5)"),
        (to_match(Median(math.inf, 2, 5), "seconds"), "∞ (2/5)"),
        (to_match(Median(12345.0, 5, 5), "steps"), "12,345 (5/5)"),
        (to_match(Median(1.234e15, 5, 5), "flops"), "1.23 P (5/5)"),
        (ratio(Median(20.0, 5, 5), Median(40.0, 5, 5)), "0.50"),
        (ratio(Median(math.inf, 0, 5), Median(40.0, 5, 5)), "∞"),
        (ratio(Median(20.0, 5, 5), Median(math.inf, 2, 5)), "–"),
        (ratio(Median(20.0, 5, 5), None), "–"),
        (megabytes(None), "–"),
        (megabytes(412.4 * 2**20), "412 MiB"),
        (count(None), "–"),
        (count(278324), "278,324"),
        (quantity(None), "–"),
        (quantity(0), "0"),
        (quantity(0.5), "0.5"),
        (quantity(999), "999"),
        (quantity(999.9), "1 k"),
        (quantity(999_999), "1 M"),
        (quantity(41_234_567), "41.2 M"),
        (quantity(1.5e22), "15 Z"),
    ],
)
def test_figures(text, expected):
    assert text == expected
