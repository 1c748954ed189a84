"""`check`: whether the same gives the same, and whether a change made anything worse; both run what they compare."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.compare import FAIL_ON, add_judging
from bench.cli.options import at_least_one
from bench.cli.selection import add_selection
from bench.compare.finding import Figure


def add_to(commands) -> None:
    parser = commands.add_parser(
        "check",
        help="run the same cells twice, or with two sources, and compare",
        description="Runs cells in scratch folders, by default every method on small data, and compares what they "
        "give.",
    )
    checks = parser.add_subparsers(metavar="CHECK", required=True)
    determinism = checks.add_parser(
        "determinism",
        help="whether runs of the same cells give the same bits and the same costs",
        description="Runs the source as it lies here several times, each time anew, teachers included, and compares "
        "the runs bit by bit. Exits with 1 if anything differs, or if a cell failed and so cannot be compared.",
    )
    add_selection(determinism)
    determinism.add_argument(
        "--runs", type=several, default=2, metavar="N", help="how many are compared (default: %(default)s)"
    )
    add_dry_run(determinism)
    determinism.set_defaults(run=run_determinism)
    regressions = checks.add_parser(
        "regressions",
        help="whether the source became worse since BASE",
        description="Runs the same cells with the source of BASE and with the source as it lies here, on this machine "
        "in one go, and compares. Exits with 1 only on a regression in what --fail-on names, or if a side cannot run.",
    )
    regressions.add_argument(
        "base", metavar="BASE", help="a git revision, or a folder of records, e.g. results/baseline"
    )
    regressions.add_argument(
        "--head", metavar="REVISION", help="what is compared with it (default: the source here, changes included)"
    )
    add_selection(regressions)
    regressions.add_argument(
        "--most-seeds",
        type=at_least_one,
        metavar="N",
        help="rows in doubt are given more seeds, up to N, and judged again (default: none)",
    )
    regressions.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep the records there, and go on from those of the same source and cells (default: nothing is kept)",
    )
    add_dry_run(regressions)
    add_judging(regressions, tuple(sorted((*FAIL_ON, Figure.MISSING))))
    regressions.set_defaults(run=run_regressions)


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would run, and run nothing")


def run_determinism(given: argparse.Namespace) -> int:
    from bench.cli.check_determinism import check
    from bench.followed import ended_by_sigterm

    with ended_by_sigterm():
        return check(given)


def run_regressions(given: argparse.Namespace) -> int:
    from bench.cli.check_regressions import check
    from bench.followed import ended_by_sigterm

    with ended_by_sigterm():
        return check(given)


def several(text: str) -> int:
    """A whole number from 2."""
    if at_least_one(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 2: one run has nothing to equal")
    return int(text)
