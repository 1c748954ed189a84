"""Which cells the checks and the baseline run: the options, and what they mean to `run` in a tree of source."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import add_plugins
from bench.seeds import parse_seeds

if TYPE_CHECKING:
    from bench.record import Record
    from bench.tree_runs import TreeRun


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Small by default: what shows a change within minutes, to the bit."""
    parser.add_argument("--methods", default="all", help="names and wildcards by commas (default: %(default)s)")
    parser.add_argument("--tasks", default="digits", help="as `run` takes them (default: %(default)s)")
    parser.add_argument("--pairs", help="TEACHER->STUDENT by commas, or all (default: the task's default pairs)")
    parser.add_argument("--seeds", default="0", help="e.g. 0-4 or 0,2 (default: %(default)s)")
    parser.add_argument("--protocol", default="smoke", help="(default: %(default)s)")
    parser.add_argument(
        "--device",
        default="cpu",
        help="cpu, where the same seed gives the same bits; auto, cuda or cuda:N (default: %(default)s)",
    )
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="(default: as for `run`)")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the data (default: $BENCH_DATA_DIR, else download)"
    )
    add_plugins(parser)


def check_names(given: argparse.Namespace) -> None:
    """Raises UsageError for what the source that runs now has not: nothing need be started to tell."""
    from bench.registry import Registry

    parse_seeds([given.seeds])
    registry = Registry(given.plugin)
    for kind, names in (("methods", given.methods), ("tasks", given.tasks)):
        registry.select(kind, names)


def on_gpu(given: argparse.Namespace) -> bool:
    """Whether the cells run on a GPU; a device that is not here raises UsageError."""
    if given.device == "cpu":
        return False
    from bench.engine.hardware import resolve_device

    return resolve_device(given.device).type != "cpu"


def fixed_words(given: argparse.Namespace) -> list[str]:
    """The arguments of `run` but for methods, seeds, plugins and results, wherever it runs."""
    words = ["--tasks", ",".join(map(_task, given.tasks.split(",")))]
    words += ["--protocol", given.protocol, "--device", given.device]
    for option, value in (("--pairs", given.pairs), ("--precision", given.precision)):
        words += [option, value] if value else []
    return words + data_words(given)


def data_words(given: argparse.Namespace) -> list[str]:
    """The option that names the folder with the data, the same from every folder."""
    return ["--data-dir", str(given.data_dir.absolute())] if given.data_dir else []


def words_of(given: argparse.Namespace, run: TreeRun, seeds: tuple[int, ...]) -> list[str]:
    """All arguments of `python -m bench` for a tree."""
    from bench.compare.more_seeds import seeds_text

    words = ["run", "--methods", _methods(given, run), *fixed_words(given)]
    words += ["--seeds", seeds_text(seeds), "--results", str(run.results)]
    for plugin in given.plugin:
        words += ["--plugin", str(run.tree.own(plugin))]
    return words


def _methods(given: argparse.Namespace, run: TreeRun) -> str:
    """The methods that a tree has, of those that are named: one that the other side alone has is new or missing."""
    names = [name.strip() for name in given.methods.split(",")]
    if all(name == "all" or "*" in name for name in names):
        return given.methods
    return ",".join(name for name in names if name == "all" or "*" in name or name in run.methods) or given.methods


def dry_run(given: argparse.Namespace, runs: list[TreeRun], seeds: tuple[int, ...]) -> None:
    """Prints what trees would run."""
    from bench.tree_runs import Order, Share, run_all

    planned = lambda run: lambda seeds: [*words_of(given, run, seeds), "--dry-run"]  # noqa: E731
    run_all([Order(run, planned(run), seeds) for run in runs], Share(len(runs)), print)


def selected(given: argparse.Namespace, records: list[Record]) -> list[Record]:
    """Those of the records that the selection asks for, wherever they were made."""
    seeds, takes_pair = parse_seeds([given.seeds]), _pairs_taken(given)
    return [
        record
        for record in records
        if record.cell.seed in seeds
        and record.cell.protocol["name"] == given.protocol
        and _matches(record.cell.method.name, given.methods)
        and _matches(record.cell.task.name, given.tasks)
        and takes_pair(record)
        and given.precision in (None, record.cell.precision)
        and not (record.tuned or record.cell.compiled or record.cell.budget != 1)
    ]


def _pairs_taken(given: argparse.Namespace) -> Callable[[Record], bool]:
    """Whether a record's pair is one of --pairs; without, all are: a default pair that went must be found missing."""
    if given.pairs in (None, "all"):
        return lambda record: True
    named = {part.strip() for part in given.pairs.split(",")}
    return lambda record: str(record.cell.pair) in named


def _matches(name: str, patterns: str) -> bool:
    return any(pattern == "all" or fnmatch(name, pattern) for pattern in map(str.strip, patterns.split(",")))


def _task(name: str) -> str:
    """A task of one's own data, `KIND:PATH`, is the same from every folder."""
    kind, colon, path = name.strip().partition(":")
    return f"{kind}:{Path(path).absolute()}" if colon else kind
