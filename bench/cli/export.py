"""`export`: the records as one flat table."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.options import add_results


def add_to(commands) -> None:
    parser = commands.add_parser("export", help="write the records as one table")
    parser.add_argument("--format", choices=("csv", "json", "parquet"), default="csv", help="(default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="(default: standard output)")
    add_results(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.board.export import export
    from bench.store import Store

    export(list(Store(given.results).records()), given.format, given.output)
    return 0
