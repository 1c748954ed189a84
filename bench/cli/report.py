"""`report`: writes the page, a folder that opens in a browser from disk, from the records."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.options import RESULTS, add_results, open_store
from bench.garbage import no_garbage_collection


def add_to(commands) -> None:
    parser = commands.add_parser(
        "report",
        help="write the page: tables, curves and every record, to open in a browser",
        description="Writes one self-contained folder; its index.html opens from disk, offline.",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="(default: report; for another results folder, report inside it)"
    )
    add_results(parser)
    parser.set_defaults(run=run)


@no_garbage_collection()
def run(given: argparse.Namespace) -> int:
    from bench.board.entries import BoardRecord
    from bench.page.report import write_report

    store = open_store(given.results)
    folder = given.output or report_folder(given.results)
    write_report(store.records(BoardRecord), store.root, folder)
    print(f"wrote {folder / 'index.html'}")
    return 0


def report_folder(results: Path) -> Path:
    """The page of the default folder is report/ here; any other folder has its page inside."""
    usual = results.resolve() == RESULTS.resolve()
    return Path("report") if usual else results / "report"
