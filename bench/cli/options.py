"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

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


def board_path(results: Path) -> Path:
    """The board of the default folder is LEADERBOARD.md here; any other folder has its board inside."""
    return Path("LEADERBOARD.md") if results == RESULTS else results / "LEADERBOARD.md"
