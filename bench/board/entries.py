"""A record as the board keeps it: the curve as arrays, predictions packed, so that many thousands fit in memory."""

from __future__ import annotations

import marshal
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from bench.board.evaluations import BoardCurve, Evaluations
from bench.errors import StoreError
from bench.identity import canonical, key_of
from bench.record import Record


class BoardRecord(Record):
    """A record as the board reads it."""

    curve: BoardCurve | None = None


@dataclass(frozen=True)
class Entry:
    """One record and where it is."""

    link: str
    """The path of the file, relative to the folder of the board, with forward slashes."""
    record: Record
    """Without its curve."""
    evaluations: Evaluations | None
    copies: tuple[str, ...] = ()
    """Other files of the same cell on the same machine, which are left out."""

    @cached_property
    def parameters(self) -> str:
        """The method's parameters as canonical JSON."""
        return _written(marshal.dumps(self.record.cell.method.parameters))

    @cached_property
    def protocol(self) -> str:
        """The hash of the whole protocol: two protocols of one name never mix."""
        return _hash_of(marshal.dumps(self.record.cell.protocol))

    @property
    def seed(self) -> int:
        return self.record.cell.seed

    @property
    def predictions(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The predicted classes on test (n,) and whether they are right (n,)."""
        packed = self.record.predictions
        try:
            return packed and packed.unpack()
        except ValueError as error:
            raise StoreError(f"{self.link}: predictions: {error}. `python -m bench validate` says more.") from error

    @cached_property
    def is_constant(self) -> bool:
        """Whether the run gave all test items one class; then some class has none right."""
        known = self.predictions if self.record.result.worst_class == 0 else None
        return known is not None and len(known[0]) > 1 and bool((known[0] == known[0][0]).all())

    @property
    def score(self) -> float:
        """The primary metric on test at the last epoch, in percent points."""
        return self.record.result.test[self.record.metric]


def entries(records: Iterable[tuple[Path, Record]], folder: Path) -> list[Entry]:
    """The records in an order that depends on their content alone.

    Of several files of one cell on one machine, a success goes before a failure; the others are its copies.
    """
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for path, record in records:
        found[record.machine, record.key].append(_entry(path, record, folder))
    return [_first(found[place]) for place in sorted(found)]


def _first(files: list[Entry]) -> Entry:
    if len(files) == 1:
        return files[0]
    first, *others = sorted(files, key=_preference)
    return replace(first, copies=tuple(entry.link for entry in others))


def _preference(entry: Entry) -> tuple[bool, bool, str]:
    """A success first, then the file whose name has the key."""
    return (not entry.record.ok, entry.record.key[:12] not in entry.link, entry.link)


def _entry(path: Path, record: Record, folder: Path) -> Entry:
    link = f"{_between(folder, path.parent)}/{path.name}"
    try:
        link.encode()
    except UnicodeEncodeError as error:
        raise StoreError(f"{path}: its path is not UTF-8, and no link can lead to it: rename it") from error
    return Entry(
        link=link,
        record=record.model_copy(update={"curve": None}),
        evaluations=Evaluations.of(record.curve, record.cell.protocol["window"]) if record.curve else None,
    )


@lru_cache(maxsize=1024)
def _hash_of(protocol: bytes) -> str:
    """The key of a protocol that thousands of records have in common. To marshal it is cheaper than to hash it.

    Equal protocols may marshal differently; then they are hashed twice, to the same key.
    """
    return key_of(marshal.loads(protocol))


@lru_cache(maxsize=1024)
def _written(parameters: bytes) -> str:
    """The canonical JSON of parameters that many records have in common."""
    return canonical(marshal.loads(parameters))


@lru_cache(maxsize=1024)
def _between(start: Path, folder: Path) -> str:
    """The relative path from one folder to another."""
    return Path(os.path.relpath(folder, start)).as_posix()
