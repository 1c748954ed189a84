"""`check regressions`: the cells of two sources, run on this machine in one go, and judged."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import distributions
from pathlib import Path

from bench.cli.compare import figures_of, judge, margins_of
from bench.cli.selection import check_names, data_words, dry_run, fixed_words, on_gpu, selected, words_of
from bench.compare.comparison import Made, compare
from bench.compare.finding import Figure, Finding
from bench.compare.looks import LOOKS
from bench.compare.more_seeds import MoreSeeds, more_seeds
from bench.compare.ratios import LEAST
from bench.compare.rows import runs_of
from bench.compare.sides import Side, read_side
from bench.errors import BenchError, UsageError
from bench.followed import to_stderr
from bench.identity import key_of
from bench.record import Record
from bench.seeds import parse_seeds
from bench.tree_runs import Order, Share, TreeRun, run_all
from bench.trees import checked_out, copied, source_commit, source_root, tree_digest


def check(given: argparse.Namespace) -> int:
    """Runs the sides, adds seeds where that is asked for, and judges. Returns the exit code."""
    fail_on, seeds = figures_of(given.fail_on), parse_seeds([given.seeds])
    if given.folder and given.folder.exists() and not given.folder.is_dir():
        raise UsageError(f"--folder {given.folder} is a file: expected a folder, or a name that is not there yet")
    if Figure.TIME in fail_on and len(seeds) < LEAST:
        raise UsageError(f"--fail-on time compares times seed by seed, of at least {LEAST}: --seeds 0-2")
    if given.head is None:
        check_names(given)
    kept = kept_side(given)
    made = Made(in_one_go=kept is None, until_sure=bool(given.most_seeds))
    names = ("head",) if kept else ("base", "head")
    share = share_of(given, len(names), fail_on)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kdbench-")))
        runs = [stack.enter_context(tree_run(given, name, share, scratch)) for name in names]
        for run in runs:
            run.check_source()
        if given.dry_run:
            dry_run(given, runs, seeds)
            return 0
        for run in runs:
            run.prepare()
        try:
            run_all([Order(run, partial(words_of, given, run), seeds) for run in runs], share, to_stderr)
            if not kept:
                settle(given, runs, share, made)
        except KeyboardInterrupt:
            if given.folder:
                to_stderr(f"what is finished is kept in {given.folder}: give the same command again, it goes on")
            raise
        # Without a folder that commands could add to: only this command runs each side's own source.
        sides = [Side(run.tree.says, asked_for(given, run, seeds), where="") for run in runs]
        base = of_machine(kept, sides[0]) if kept else sides[0]
        return judge(base, sides[-1], given, made)


def asked_for(given: argparse.Namespace, run: TreeRun, seeds: tuple[int, ...]) -> list[Record]:
    """A side's records, of these seeds alone unless seeds may be added: a kept folder may hold more."""
    return [record for record in run.records() if given.most_seeds or record.cell.seed in seeds]


def share_of(given: argparse.Namespace, sides: int, fail_on: frozenset[Figure]) -> Share:
    """Side by side on a CPU; in turn where they would share a GPU, or the clock gates."""
    if on_gpu(given):
        return Share(1)
    return Share.of_cores(1 if Figure.TIME in fail_on else sides)


@contextmanager
def tree_run(given: argparse.Namespace, name: str, share: Share, scratch: Path) -> Iterator[TreeRun]:
    """A side that can be run. Its records are kept under what made them, so that changed code takes none of them."""
    root, place = source_root(), scratch / f"{name}-source"
    revision = given.base if name == "base" else given.head
    opened = copied(root, place) if revision is None else checked_out(root, revision, place)
    with opened as tree:
        source = source_commit(root, revision) if name == "base" else tree_digest(tree.folder)
        plugins = [tree.own(path) for path in given.plugin]
        circumstances = [
            [given.methods, *fixed_words(given)],
            [path.read_text() for path in plugins if path.is_file()],
            sorted(f"{each.name} {each.version}" for each in distributions()),
            [platform.node(), os.environ.get("OMP_NUM_THREADS"), share.workers, share.threads],
        ]
        folder = f"{name}-{source[:12]}-{key_of(circumstances)[:8]}"
        yield TreeRun(name, tree, (given.folder or scratch).absolute() / folder)


def settle(given: argparse.Namespace, runs: list[TreeRun], share: Share, made: Made) -> None:
    """Adds seeds to the rows in doubt, on both sides, as far as that is allowed; says so where it is not."""
    for _ in LOOKS:
        base, head = (run.records() for run in runs)
        findings = compare(base, head, margins_of(given), made)
        cells = more_seeds(within(findings, given.most_seeds or 0), runs_of(base), runs_of(head))
        if not cells:
            break
        run_all([order(given, runs, each) for each in cells], share, to_stderr)
    else:
        findings = compare(*(run.records() for run in runs), margins_of(given), made)
    needed = max((finding.more_seeds for finding in findings), default=0)
    if needed > (given.most_seeds or 0):
        to_stderr(f"some rows are in doubt: --most-seeds {needed} gives them the seeds that may settle it")


def within(findings: list[Finding], most: int) -> list[Finding]:
    """The same, but none asks for more seeds than are allowed."""
    return [replace(finding, more_seeds=min(finding.more_seeds, most)) for finding in findings]


def order(given: argparse.Namespace, runs: list[TreeRun], cells: MoreSeeds) -> Order:
    """What adds the cells to their side."""
    [run] = [each for each in runs if each.name == cells.side]
    # The records name plugins by where they were then, one of several devices by its kind, and no folder of data.
    plugins = tuple(str(run.tree.own(path)) for path in given.plugin)
    cells = replace(cells, plugins=plugins, device=given.device)
    words: Callable[[tuple[int, ...]], list[str]] = lambda seeds: [  # noqa: E731
        *replace(cells, seeds=seeds).words(str(run.results)),
        *data_words(given),
    ]
    return Order(run, words, cells.seeds)


def kept_side(given: argparse.Namespace) -> Side | None:
    """What BASE holds of the selection, if it is a folder of records."""
    if not Path(given.base).is_dir():
        return None
    if given.most_seeds:
        raise UsageError(f"--most-seeds: {given.base} is a folder of records, only a revision can be given more seeds")
    side = read_side(given.base)
    records = selected(given, side.records)
    if not records:
        raise BenchError(
            f"{given.base} holds {len(side.records):,} records, none of them of {given.tasks} · {given.protocol} · "
            f"{given.methods} at seeds {given.seeds}: `python -m bench baseline` makes a reference set"
        )
    return replace(side, records=records)


def of_machine(kept: Side, head: Side) -> Side:
    """What the folder holds of the machine that the head has just run on."""
    machines = {record.machine for record in head.records}
    records = [record for record in kept.records if record.machine in machines]
    if not records:
        others = ", ".join(sorted({record.machine for record in kept.records}))
        raise BenchError(
            f"{kept.name} holds no such records of this machine, {', '.join(sorted(machines))}, but of {others}: "
            "`python -m bench baseline` makes them, or name a revision as BASE"
        )
    # Seeds that its source would add, and head's here, would not mix: no commands are printed.
    return replace(kept, records=records, where="")
