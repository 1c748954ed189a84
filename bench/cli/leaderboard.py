"""`leaderboard`: writes LEADERBOARD.md from the records, or checks that it is what they give."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.cli.options import add_results, board_path, open_store
from bench.garbage import no_garbage_collection
from bench.printable import printable_lines


def add_to(commands) -> None:
    parser = commands.add_parser("leaderboard", help="write LEADERBOARD.md from the records")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is not what they give")
    parser.add_argument("--output", type=Path, metavar="FILE", help="(default: LEADERBOARD.md of the results)")
    add_results(parser)
    parser.set_defaults(run=run)


@no_garbage_collection()
def run(given: argparse.Namespace) -> int:
    from bench.board.entries import BoardRecord
    from bench.board.leaderboard import CLAIM, leaderboard

    path, store = given.output or board_path(given.results), open_store(given.results)
    if not given.check:
        with store.claims.held(CLAIM):
            for written in leaderboard(store.records(BoardRecord), given.results, path).write():
                print(f"wrote {written}")
        print(f"{path} is what the records give")
        return 0
    changes = leaderboard(store.records(BoardRecord), given.results, path).differences()
    if not changes:
        print(f"{path} is what the records give")
        return 0
    print(printable_lines(changes), file=sys.stderr)
    print(f"{path} is not what the records give: the same command without --check writes it", file=sys.stderr)
    return 1
