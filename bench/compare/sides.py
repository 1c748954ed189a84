"""One of the two sides of a comparison: records or benchmarks, from a folder, a file or a git revision."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from bench.compare.benchmark_file import BenchmarkRun, benchmark_runs
from bench.compare.more_seeds import commit_name
from bench.compare.revisions import HERE, records_at, top, tree_of
from bench.errors import StoreError, UsageError, listed
from bench.git import commit_of
from bench.record import Record
from bench.store import Store, content_of, read, slug


@dataclass(frozen=True)
class Side:
    """What is compared on one side."""

    name: str
    """As the user wrote it."""
    records: Sequence[Record]
    benchmarks: Sequence[BenchmarkRun] = ()
    where: str = "results"
    """The results folder to which a command adds records of this side; empty: there is none."""
    unpack: str = ""
    """The command that makes that folder first, where it is not there: of a git revision."""

    @property
    def commits(self) -> list[str]:
        """The commits that made its records, where they are known."""
        return sorted({commit_name(each.provenance) for each in self.records} - {""})

    def __str__(self) -> str:
        """What it holds, in words."""
        parts = []
        if self.records:
            of = f" of commit {listed(self.commits, 4)}" if self.commits else ""
            parts.append(f"{len(self.records):,} record{'s' * (len(self.records) != 1)}{of}")
        if self.benchmarks:
            parts.append(f"{len(self.benchmarks):,} benchmarks")
        return f"{self.name}: {' and '.join(parts) or 'nothing'}"


def read_side(name: str) -> Side:
    """A folder with records, a record, a JSON of pytest-benchmark, or a git revision, which the first two go before.

    A name that is none of them raises UsageError; a file that is no record, and a folder without any, StoreError.
    """
    path = Path(name)
    if os.path.isdir(name):
        found = list(Store(path).records())
        if not found:
            raise StoreError(f"folder {name} holds no records: `python -m bench run --results {name}` makes some")
        return Side(name, [record for _, record in found], where=_root(*found[0], path))
    if os.path.lexists(name):
        content = content_of(path)
        if _is_of_benchmarks(content):
            return Side(name, [], benchmark_runs(path, content))
        record = read(path)
        return Side(name, [record], where=_root(path, record, path.parent))
    try:
        commit = commit_of(HERE, name.partition(":")[0])
    except UsageError as error:
        raise UsageError(
            f"{name!r} is neither a file nor a folder, and {error}: expected a folder of records such as results, a "
            "record, a JSON of pytest-benchmark, or a revision such as main, HEAD~1 or main:results/baseline"
        ) from error
    folder = slug(name)
    return Side(
        name,
        records_at(name, commit),
        where=folder,
        unpack=shlex.join(["git", "-C", str(top()), "archive", f"--prefix={folder}/", tree_of(name)]) + " | tar -x",
    )


def _is_of_benchmarks(content: bytes) -> bool:
    try:
        found = from_json(content)
    except ValueError:
        return False
    return isinstance(found, dict) and "benchmarks" in found


def _root(path: Path, record: Record, otherwise: Path) -> str:
    """The results folder that a record lies in, where its path is what the store gives it; else another folder."""
    absolute = path.absolute()
    inside = Store(Path()).path(record.machine, record, failed=not record.ok).parts
    if absolute.parts[-len(inside) :] != inside:
        return str(otherwise)
    root = Path(*absolute.parts[: -len(inside)])
    return str(root) if path.is_absolute() else os.path.relpath(root)
