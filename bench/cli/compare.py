"""`compare`: whether the head became worse than the base, row by row."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bench.cli.options import amount
from bench.compare.finding import Figure
from bench.errors import BenchError, unknown
from bench.garbage import no_garbage_collection

if TYPE_CHECKING:
    from bench.compare.comparison import Made, Margins
    from bench.compare.sides import Side

FORMATS = ("text", "markdown", "json", "junit")
FAIL_ON = tuple(sorted(set(Figure) - {Figure.MISSING, Figure.TIME}))
"""Who compares a few rows has not lost the others, and times on a shared machine prove nothing."""


def add_to(commands) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare two sets of records, or of benchmarks: better, worse, no change",
        description="Compares BASE with HEAD: each is a folder of records, a record, a JSON of pytest-benchmark, or a "
        "git revision, whose `results` are meant (REVISION:FOLDER names another folder). Exits with 1 only on a "
        "regression in what --fail-on names, or on an error: nothing in common is one.",
    )
    parser.add_argument("base", metavar="BASE", help="what was")
    parser.add_argument("head", metavar="HEAD", help="what is")
    add_judging(parser)
    parser.set_defaults(run=run)


def add_judging(parser: argparse.ArgumentParser, fail_on: tuple[Figure, ...] = FAIL_ON) -> None:
    """The options of `judge`."""
    parser.add_argument("--format", choices=FORMATS, default="text", help="(default: %(default)s)")
    parser.add_argument(
        "--fail-on",
        default=",".join(fail_on),
        metavar="LIST",
        help=f"figures by commas, of {', '.join(Figure)} (default: %(default)s)",
    )
    parser.add_argument(
        "--accuracy-margin", type=amount, default=0.3, metavar="POINTS", help="a smaller drop passes (default: 0.3)"
    )
    parser.add_argument(
        "--memory-margin",
        type=amount,
        default=2.0,
        metavar="PERCENT",
        help="of GPU memory; bytes that are counted are compared exactly (default: 2)",
    )
    parser.add_argument("--time-margin", type=amount, default=5.0, metavar="PERCENT", help="(default: 5)")


@no_garbage_collection()
def run(given: argparse.Namespace) -> int:
    from bench.compare.sides import read_side

    figures_of(given.fail_on)  # a wrong name is told before thousands of records are read
    return judge(read_side(given.base), read_side(given.head), given)


def judge(base: Side, head: Side, given: argparse.Namespace, made: Made | None = None) -> int:
    """Compares, prints the report, and returns the exit code: 1 if there is a regression for which to fail.

    given: the options of `add_judging`. made: how the records came to be, where that is known. Sides without a common
    row raise BenchError instead of a report.
    """
    from importlib import import_module

    from bench.compare.compared import compared
    from bench.compare.comparison import Made

    report = compared(base, head, margins_of(given), figures_of(given.fail_on), made or Made())
    if report.nothing_in_common:
        raise BenchError(
            f"nothing could be compared: the sides have no row in common. base {base}; head {head}. "
            "Rows are alike in task, pair, protocol, method, arithmetic and machine"
        )
    print(import_module(f"bench.compare.report.{given.format}").render(report), end="")
    return 1 if report.failing else 0


def margins_of(given: argparse.Namespace) -> Margins:
    """The margins that `add_judging` asked for."""
    from bench.compare.comparison import Margins

    return Margins(given.accuracy_margin, given.memory_margin, given.time_margin)


def figures_of(text: str) -> frozenset[Figure]:
    """`accuracy,cost` → the figures; a name that is none raises UsageError."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in set(Figure):
            raise unknown("figure in --fail-on", name, Figure)
    return frozenset(map(Figure, names))
