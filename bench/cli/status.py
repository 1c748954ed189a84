"""`status`: what runs on a results folder now, and what it holds; from another terminal, or another machine."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING

from bench.cli.options import add_results, open_store
from bench.printable import printable

if TYPE_CHECKING:
    from bench.runs import RunReport


def add_to(commands) -> None:
    parser = commands.add_parser(
        "status",
        help="what runs on a results folder now",
        description="Tells what runs on a results folder now, and how many records it holds, from their names.",
    )
    add_results(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.runs import runs

    store = open_store(given.results)
    found = runs(store)
    held = Counter("failed" if path.name.endswith(".failed.json") else "done" for path in store.paths())
    if given.json:
        print(
            json.dumps(
                {
                    "done": held["done"],
                    "failed": held["failed"],
                    "runs": [report.model_dump(mode="json") | {"alive": alive} for report, alive in found],
                },
                indent=1,
            )
        )
        return 0
    for report, alive in found:
        print_run(report, alive)
    if not found:
        print(f"nothing runs on {given.results}")
    print(f"{given.results} holds {held['done']} finished and {held['failed']} failed cells")
    return 0


def print_run(report: RunReport, alive: bool) -> None:
    """What a run says of itself, for people."""
    from bench.cli.progress import duration

    print(printable(f"{report.command} · {report.host}, process {report.process}, since {report.started}"))
    if not alive:
        print("  it has ended without finishing: give the same command again, it goes on from there")
    counts = f"{report.ended - report.failed} of {report.cells} cells done, {report.failed} failed"
    if alive:
        counts += f", {len(report.running)} running"
        if report.remaining_seconds is not None:
            counts += f", about {duration(report.remaining_seconds)} left"
    print(f"  {counts}")
    for each in report.running if alive else ():
        steps = f", step {each.step} of {each.steps}" if each.steps else ""
        print(printable(f"  {each.seat}: {each.name}{steps}, {duration(each.seconds)}"))
