"""`check determinism`: runs of the same cells, compared bit by bit."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.cli.selection import check_names, dry_run, on_gpu, words_of
from bench.compare.finding import Figure, Finding, Verdict
from bench.errors import UsageError
from bench.followed import to_stderr
from bench.printable import printable
from bench.record import Record
from bench.seeds import parse_seeds
from bench.tree_runs import Order, Share, TreeRun, run_all
from bench.trees import copied, source_root

REPEATED = frozenset({Figure.FAILURES, Figure.MISSING, Figure.BEHAVIOUR, Figure.COST, Figure.MEMORY})
"""What repeats exactly. Accuracy and the target follow from behaviour; times never repeat."""
AT_ONCE = 2


def check(given: argparse.Namespace) -> int:
    """Runs, compares, says what differs. Returns 0 if nothing does."""
    check_names(given)
    if on_gpu(given):
        raise UsageError(
            f"--device {given.device}: the same seed gives the same bits on a CPU alone, so on a GPU nothing could be "
            "checked: --device cpu"
        )
    seeds = parse_seeds([given.seeds])
    with (
        tempfile.TemporaryDirectory(prefix="kdbench-") as scratch,
        copied(source_root(), Path(scratch, "source")) as tree,
    ):
        runs = [TreeRun(f"run {number}", tree, Path(scratch, f"run-{number}")) for number in range(1, given.runs + 1)]
        for run in runs:
            run.check_source()
        if given.dry_run:  # the others are like the first
            dry_run(given, runs[:1], seeds)
            return 0
        for run in runs:
            run.prepare()
        orders = [Order(run, partial(words_of, given, run), seeds) for run in runs]
        run_all(orders, Share.of_cores(AT_ONCE), to_stderr)
        return judge([run.records() for run in runs])


def judge(runs: Sequence[list[Record]]) -> int:
    """Compares every run with the first, and prints what differs or cannot be compared. Returns the exit code."""
    from bench.compare.comparison import compare

    first, *others = runs
    lines = [f"run 1: {_name(record)} failed: {record.status}" for record in first if not record.ok]
    for number, other in enumerate(others, 2):
        lines += [f"run {number}: {line}" for line in differences(compare(first, other))]
    for line in lines:
        print(printable(line))
    if lines:
        print(f"not deterministic, or not to be told: see the {len(lines)} lines above")
        return 1
    print(f"deterministic: {len(runs)} runs gave the same bits and the same costs (cells of each: {len(first)})")
    return 0


def differences(findings: Sequence[Finding]) -> list[str]:
    """What is not exactly the same, a line each."""
    return [
        f"{finding.row}: {finding.figure}: {finding.verdict}: {finding.seen}"
        for finding in findings
        if finding.figure in REPEATED and finding.verdict is not Verdict.SAME
    ]


def _name(record: Record) -> str:
    cell = record.cell
    return f"{cell.method.name} · {cell.task.name} · {cell.pair} · seed {cell.seed}"
