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
    from bench.executors.slurm.status import submission_states
    from bench.runs import runs, unreadable

    store = open_store(given.results)
    found, torn = runs(store), unreadable(store)
    submitted, unknown = submission_states(store)
    held = Counter("failed" if path.name.endswith(".failed.json") else "done" for path in store.paths())
    if given.json:
        print(
            json.dumps(
                {
                    "done": held["done"],
                    "failed": held["failed"],
                    "runs": [report.model_dump(mode="json") | {"alive": alive} for report, alive in found],
                    "unreadable_runs": [str(path) for path in torn],
                    "submissions": [each.as_json() for each in submitted],
                    "queue_error": unknown,
                },
                indent=1,
            )
        )
        return 0
    inside = {cell.name for report, alive in found if alive and report.job for cell in report.running}
    for report, alive in found:
        print_run(report, alive, set() if report.job else inside)
    for path in torn:
        print(
            f"{path} cannot be read: a crash has cut it off, or its run is of another version of kdbench. The next "
            "`run` removes it if its process is gone"
        )
    for each in submitted:
        print_submission(each)
    if unknown:
        print(f"the queue of SLURM is not known: {unknown}")
    if not found and not torn and not submitted:
        print(f"nothing runs on {given.results}")
    print(f"{given.results} holds {held['done']} finished and {held['failed']} failed cells")
    return 0


def print_run(report: RunReport, alive: bool, told_elsewhere: set[str]) -> None:
    """What a run says of itself, for people. told_elsewhere: cells that it follows, and that a job tells of itself."""
    from bench.cli.progress import duration

    what = f"SLURM job {report.job}" if report.job else report.command
    print(printable(f"{what} · {report.host}, process {report.process}, since {report.started}"))
    if not alive:
        how = "other jobs take its cells, or the same command does" if report.job else "give the same command again"
        print(f"  it has ended without finishing: {how}, it goes on from there")
    counts = f"{report.ended - report.failed} of {report.cells} cells done, {report.failed} failed"
    if alive:
        counts += f", {len(report.running)} running"
        if report.remaining_seconds is not None:
            counts += f", about {duration(report.remaining_seconds)} left"
    print(f"  {counts}")
    for each in [each for each in report.running if alive and each.name not in told_elsewhere]:
        steps = f", step {each.step} of {each.steps}" if each.steps else ""
        print(printable(f"  {each.seat}: {each.name}{steps}, {duration(each.seconds)}"))


def print_submission(state) -> None:
    submission = state.submission
    print(
        printable(
            f"{submission.command} · SLURM job {submission.job}, submitted {submission.submitted} on {submission.host}"
        )
    )
    print(f"  {state.ended} of {len(submission.cells)} cells have ended; log folder {state.folder}")
    if state.jobs:
        states = Counter(f"{job.state} ({job.reason})" if job.state == "PENDING" else job.state for job in state.jobs)
        print("  in the queue: " + ", ".join(f"{number} {name}" for name, number in sorted(states.items())))
        print(f"  `scancel {submission.job}` ends it")
    elif state.jobs is not None:
        print("  no job is left in the queue: give the same command again, it goes on from there")
