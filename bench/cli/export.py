"""`export`: the records as one flat table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.cli.options import add_results, open_store
from bench.garbage import no_garbage_collection


def add_to(commands) -> None:
    parser = commands.add_parser("export", help="write the records as one table")
    parser.add_argument("--format", choices=("csv", "json", "parquet"), default="csv", help="(default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="(default: standard output)")
    add_results(parser)
    parser.set_defaults(run=run)


@no_garbage_collection()
def run(given: argparse.Namespace) -> int:
    from bench.board.entries import BoardRecord
    from bench.board.export import frame, write
    from bench.store import replaced

    store = open_store(given.results)
    folder = given.output.parent if given.output else Path()
    table = frame(store.records(BoardRecord), folder, given.results)
    if given.output is None:
        write(table, given.format, sys.stdout.buffer)
        return 0
    with replaced(given.output) as file:
        write(table, given.format, file)
    return 0
