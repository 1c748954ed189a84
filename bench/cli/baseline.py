"""`baseline`: writes the reference set of a protocol, which `check regressions` and `compare` take as BASE."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import add_results, open_store
from bench.cli.selection import add_selection, check_names, on_gpu, selected, words_of
from bench.errors import BenchError, listed

if TYPE_CHECKING:
    from bench.baseline import Written
    from bench.record import Record


def add_to(commands) -> None:
    parser = commands.add_parser(
        "baseline",
        help="write the reference set that later runs are compared with",
        description="Runs the cells with the source as it lies here, anew, teachers included, and puts their records "
        "into baseline/ of the results folder, in the place of the set of that machine, task and protocol. Nothing is "
        "written if a cell fails.",
    )
    add_selection(parser)
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="take the finished cells of this results folder, instead of running them",
    )
    add_results(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.baseline import write_baseline

    check_names(given)
    records = kept_records(given) if given.source else new_records(given)
    for each in write_baseline(records, given.results):
        print(told(each))
    return 0


def kept_records(given: argparse.Namespace) -> list[Record]:
    """The finished cells of the selection that a results folder has."""
    found = selected(given, [record for _, record in open_store(given.source).records()])
    done = [record for record in found if record.ok]
    if not done:
        raise BenchError(
            f"{given.source} holds no finished cell of {given.tasks} · {given.protocol} · {given.methods} at seeds "
            f"{given.seeds}: name others, or run them first"
        )
    if len(done) < len(found):
        print(f"left out, since they failed: {len(found) - len(done)} of {len(found)} cells")
    return done


def new_records(given: argparse.Namespace) -> list[Record]:
    """Runs the selection in scratch folders. A cell that fails raises BenchError."""
    from bench.followed import ended_by_sigterm, to_stderr
    from bench.seeds import parse_seeds
    from bench.tree_runs import Order, Share, TreeRun, run_all
    from bench.trees import copied, source_root

    with (
        ended_by_sigterm(),
        tempfile.TemporaryDirectory(prefix="kdbench-") as scratch,
        copied(source_root(), Path(scratch, "source")) as tree,
    ):
        made = TreeRun("baseline", tree, Path(scratch, "results"))
        made.check_source()
        made.prepare()
        share = Share(1) if on_gpu(given) else Share.of_cores(1)
        run_all([Order(made, partial(words_of, given, made), parse_seeds([given.seeds]))], share, to_stderr)
        records = made.records()
    failed = [f"{record.cell.method.name} at seed {record.cell.seed}" for record in records if not record.ok]
    if failed:
        raise BenchError(
            f"{len(failed)} of {len(records)} cells failed ({listed(failed)}), and a baseline has none that did: it "
            "was left as it is"
        )
    return records


def told(written: Written) -> str:
    """One line about a set."""
    from bench.compare.more_seeds import commit_name

    first = written.records[0]
    task, protocol = first.cell.task, first.cell.protocol
    made_by = sorted({commit_name(each.provenance) or "unknown" for each in written.records})
    replaces = f", in the place of {written.before}" if written.before else ""
    return (
        f"{written.folder}: {task.name} v{task.version} · {protocol['name']} v{protocol['version']} · {first.machine}: "
        f"{len(written.records)} records of commit {listed(made_by, 4)}, {written.bytes:,} bytes{replaces}"
    )
