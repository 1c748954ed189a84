"""Text from records can never become markup; the tables of the board as Markdown."""

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from records import record
from small_boards import analysis

from bench.board.markdown import escape, figure, grid, image, label, link, written
from bench.board.table import Column, Figure, Line, Table

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- item", "&#45; item"),
        ("+ item", "&#43; item"),
        ("---", "&#45;&#45;&#45;"),
        (">quoted", "&#62;quoted"),
        ("1. item", "1&#46; item"),
        ("20) item", "20&#41; item"),
        ("@name", "&#64;name"),
        ("-0.50", "-0.50"),
        ("+1.00 (5)", "+1.00 (5)"),
        ("3.5 s", "3.5 s"),
        ("kd - x", "kd - x"),
    ],
)
def test_nothing_begins_a_list_a_quotation_or_a_rule(text, expected):
    assert escape(text) == expected


def test_link_target_has_no_markup():
    assert link("0", "my results/a(1)|<b>.json") == "[0](my%20results/a%281%29%7C%3Cb%3E.json)"


def test_grid():
    assert grid(["Method", "n"], [["kd", "1"], ["scratch", "10,000"]]).splitlines() == [
        "| Method  |      n |",
        "| ------- | -----: |",
        "| kd      |      1 |",
        "| scratch | 10,000 |",
    ]


def test_image():
    assert image("a|b", "figures/a b.svg") == "![a&#124;b](figures/a%20b.svg)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Figure("71.23"), "71.23"),
        (Figure("+1.00", strong=True), "**+1.00**"),
        (Figure("", strong=True), ""),
        (Figure("< 0.001"), "&#60; 0.001"),
        (Figure("∞ (2/5)"), "∞ (2/5)"),
    ],
)
def test_figure(value, expected):
    assert figure(value) == expected


def test_a_table_says_what_its_columns_are():
    lines = (Line("student: a|b", (Figure("1"), Figure("–"))), Line("b", (Figure("2"), Figure("–"))))
    table = Table("t", "T", (Column("x", "what it is"), Column("y", "unknown")), lines, "Network", notes=("A note.",))
    assert written(table.without_empty_columns()).splitlines() == [
        "| Network           |   x |",
        "| ----------------- | --: |",
        "| student: a&#124;b |   1 |",
        "| b                 |   2 |",
        "",
        "<sub>**x**: what it is. A note.</sub>",
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([record("kd", seed) for seed in range(5)], "kd"),
        ([record("kd", seed, adapted=True) for seed in range(5)], "kd†"),
        ([record("kd", adapted=True)], r"kd†\*"),
        ([record("a[b")], r"a&#91;b\*"),
        ([record("a[b", parameters={"t": 1}), record("a[b", parameters={"t": "|"})], r"a&#91;b[t=1]\*"),
    ],
)
def test_label_of_a_row(made, expected):
    assert label(Line(analysis(*made).group.rows[-1], ())) == expected


def test_a_row_of_which_few_runs_are_shown_is_provisional():
    [row] = analysis(*(record("kd", seed) for seed in range(5))).group.rows
    assert [label(Line(row, (), seeds)) for seeds in (None, 5, 4)] == ["kd", "kd", r"kd\*"]
