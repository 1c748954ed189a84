"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import StoreError

if TYPE_CHECKING:
    from bench.store import Store

RESULTS = Path("results")


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="folder of the records (default: %(default)s)"
    )


def add_plugins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plugin",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="Python file that defines methods or tasks; may be given several times",
    )


def open_store(results: Path) -> Store:
    """The store of a folder that must exist, since only reading it is wanted."""
    from bench.store import Store

    if not results.is_dir():
        raise StoreError(f"results folder {results} does not exist: `python -m bench run` makes one")
    return Store(results)


def board_path(results: Path) -> Path:
    """The board of the default folder is LEADERBOARD.md here; any other folder has its board inside."""
    usual = results.resolve() == RESULTS.resolve()
    return Path("LEADERBOARD.md") if usual else results / "LEADERBOARD.md"


def count(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def seconds(text: str) -> float:
    """A time above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def at_least_one(text: str) -> int:
    """A whole number from 1."""
    if not count(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def amount(text: str) -> float:
    """A number from 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0")
    return value
