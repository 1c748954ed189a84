"""`validate`: whether the records are what a run left: file and field of everything that is wrong."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path

from bench.cli.options import add_results, open_store
from bench.errors import UsageError


def add_to(commands) -> None:
    parser = commands.add_parser("validate", help="check the records, field by field, and the stored targets")
    parser.add_argument("paths", type=Path, nargs="*", metavar="FILE", help="files or folders (default: all records)")
    parser.add_argument("--json", action="store_true", help="the problems as a list, for scripts")
    add_results(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.printable import printable
    from bench.validation.report import validate

    report = validate(files(given.paths or [given.results], given.results), given.results)
    if given.json:
        print(json.dumps([dataclasses.asdict(each) for each in report.problems], indent=1))
        return 1 if report.problems else 0
    for problem in report.problems:
        print(problem)
    for note in report.notes:
        print(printable(f"note: {note}"))
    if report.problems:
        files_with = len({each.file for each in report.problems})
        print(f"problems: {len(report.problems)}, in {files_with} of {report.files} records")
        return 1
    print("1 record is valid" if report.files == 1 else f"{report.files} records are valid")
    return 0


def files(named: list[Path], results: Path) -> list[Path]:
    """The files that are named, and the records in the folders, baselines included, each of them once."""
    from bench.store import BASELINE, Store

    found: list[Path] = []
    for path in named:
        if path.is_dir() or path == results:
            found += open_store(path).paths() + Store(path / BASELINE).paths()
        elif os.path.lexists(path):
            found.append(path)
        else:
            raise UsageError(f"{path} is neither a file nor a folder")
    return list({os.path.abspath(path): path for path in found}.values())
