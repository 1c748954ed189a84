"""Figures are written the same everywhere, and what is unknown or never reached is no number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.board.figures import (
    count,
    duration,
    latency,
    mean,
    median_seconds,
    megabytes,
    point,
    points,
    probability,
    quantity,
    ratio,
    seconds,
    times,
    to_match,
)
from bench.board.match import Median
from bench.board.statistics import Summary
from bench.board.table import Figure

MIB = 2**20


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (points(None), "–"),
        (points(Summary(71.234, None, 1)), "71.23 (1)"),
        (points(Summary(71.234, 0.306, 5)), "71.23 ± 0.31 (5)"),
        (points(Summary(1.2, 0.3, 5), signed=True), "+1.20 ± 0.30 (5)"),
        (points(Summary(-1.2, 0.3, 5), signed=True), "-1.20 ± 0.30 (5)"),
        (points(Summary(-0.001, 0.3, 5), signed=True), "0.00 ± 0.30 (5)"),
        (points(Summary(0.001, 0.3, 5), signed=True), "0.00 ± 0.30 (5)"),
        (point(None), "–"),
        (point(-3.14159), "-3.14"),
        (mean([]), "–"),
        (mean([None]), "–"),
        (mean([1.0, None, 2.0]), "1.50"),
        (mean([-0.001, 0.0]), "0.00"),
        (mean([0.12345], 3), "0.123"),
        (probability(None), "–"),
        (probability(math.nan), "–"),
        (probability(0.0), "< 0.001"),
        (probability(0.00099), "< 0.001"),
        (probability(0.0123), "0.012"),
        (probability(1.0), "1.000"),
        (seconds(None), "–"),
        (seconds(0.853), "0.85 s"),
        (seconds(41.23), "41.2 s"),
        (seconds(1234.5), "1,234 s"),
        (median_seconds([None, None]), "–"),
        (median_seconds([3.0, None, 1.0]), "2.00 s"),
        (duration(None), "–"),
        (duration(Summary(41.23, 1.26, 5)), "41.2 ± 1.3 s (5)"),
        (duration(Summary(1234.5, None, 1)), "1,234 s (1)"),
        (to_match(None, "seconds"), "–"),
        (to_match(Median(41.2, 4, 5), "seconds"), "41.2 s (4/5)"),
        (to_match(Median(math.inf, 2, 5), "seconds"), "∞ (2/5)"),
        (to_match(Median(math.inf, 2, 5), "flops"), "∞ (2/5)"),
        (to_match(Median(12345.0, 5, 5), "steps"), "12,345 (5/5)"),
        (to_match(Median(1.234e15, 5, 5), "flops"), "1.23 P (5/5)"),
        (ratio(Median(20.0, 5, 5), Median(40.0, 5, 5)), "0.50"),
        (ratio(Median(math.inf, 0, 5), Median(40.0, 5, 5)), "∞"),
        (ratio(Median(20.0, 5, 5), Median(math.inf, 2, 5)), "–"),
        (ratio(Median(20.0, 5, 5), Median(0.0, 5, 5)), "–"),
        (ratio(Median(20.0, 5, 5), None), "–"),
        (ratio(None, Median(20.0, 5, 5)), "–"),
        (times(math.inf), "∞"),
        (megabytes([]), "–"),
        (megabytes([None]), "–"),
        (megabytes([int(412.4 * MIB)]), "412 MiB"),
        (megabytes([400 * MIB, 412 * MIB, 431 * MIB, None]), "412 MiB (400–431)"),
        (megabytes([412 * MIB, 412 * MIB + 1]), "412 MiB"),
        (megabytes([MIB // 2]), "0.5 MiB"),
        (count(None), "–"),
        (count(278324), "278,324"),
        (quantity(None), "–"),
        (quantity(0), "0"),
        (quantity(0.5), "0.5"),
        (quantity(999), "999"),
        (quantity(999.9), "1 k"),
        (quantity(1000), "1 k"),
        (quantity(999_999), "1 M"),
        (quantity(41_234_567), "41.2 M"),
        (quantity(1.5e22), "15 Z"),
        (latency(None), "–"),
        (latency(0.000823), "0.823 ms"),
        (latency(0.002), "2 ms"),
        (latency(0.9994), "999 ms"),
        (latency(0.9996), "1.00 s"),
        (latency(1.2), "1.20 s"),
    ],
)
def test_texts(figure, expected):
    assert figure.text == expected


def test_what_a_figure_sorts_by():
    assert points(Summary(71.234, 0.3, 5), strong=True) == Figure("71.23 ± 0.30 (5)", 71.234, strong=True)
    assert to_match(Median(math.inf, 2, 5), "seconds").number == math.inf
    assert to_match(Median(12.0, 5, 5), "steps").number == 12.0
    assert ratio(Median(20.0, 5, 5), None).number is None
    assert probability(math.nan).number is None
    assert megabytes([MIB, 3 * MIB]).number == 2 * MIB


@given(st.floats(0, 1e30, allow_nan=False))
def test_no_text_is_the_word_for_no_number(value):
    made = [seconds(value), quantity(value), count(value), times(value), latency(value), point(value), mean([value])]
    assert not any(word in figure.text.lower() for figure in made for word in ("nan", "inf"))


@given(st.floats(1e-3, 1e24))
def test_a_quantity_keeps_three_digits(value):
    number, _, prefix = quantity(value).text.partition(" ")
    power = ["", "k", "M", "G", "T", "P", "E", "Z"].index(prefix)
    assert float(number) * 1000**power == pytest.approx(value, rel=0.0051)
    assert value < 1 or 1 <= float(number) < 1000 or prefix == "Z"
