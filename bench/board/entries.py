"""A record as the board keeps it: the curve as arrays, no predictions, so that many thousands fit in memory."""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from bench.board.evaluations import Evaluations
from bench.errors import StoreError
from bench.identity import canonical, key_of
from bench.record import Arrays, Record

NEEDED = (
    "name",
    "version",
    "student",
    "teacher",
    "evaluations",
    "select",
    "target",
    "target_margin",
    "target_seeds",
    "window",
    "controls",
)
"""What the board asks a record's protocol for."""


class BoardCurve(Arrays):
    """The arrays of a curve that the board reads; to make the others for thousands of records takes time."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    counts: list[bool]
    steps: list[int]
    train_seconds: list[float]
    flops: list[int]
    select: list[float | None]


class BoardRecord(Record):
    """A record as the board reads it."""

    curve: BoardCurve | None = None
    predictions: Any = None


@dataclass(frozen=True)
class Entry:
    """One record and where it is."""

    link: str
    """The path of the file, relative to the folder of the board, with forward slashes."""
    record: Record
    """Without its curve and its predictions."""
    evaluations: Evaluations | None

    @cached_property
    def parameters(self) -> str:
        """The method's parameters as canonical JSON."""
        return canonical(self.record.cell.method.parameters)

    @cached_property
    def protocol(self) -> str:
        """The hash of the whole protocol: two protocols of one name never mix."""
        return _hash_of(marshal.dumps(self.record.cell.protocol))

    @property
    def seed(self) -> int:
        return self.record.cell.seed

    @property
    def score(self) -> float:
        """The primary metric on test at the last epoch, in percent points."""
        return self.record.result.test[self.record.metric]


def entries(records: Iterable[tuple[Path, Record]], folder: Path) -> list[Entry]:
    """The records in an order that depends on their content alone.

    A failure whose cell also succeeded on the same machine is left out, and so is a second copy of a record.
    """
    found: dict[tuple[str, str], Entry] = {}
    for path, record in records:
        entry = _entry(path, record, folder)
        place = (record.machine, record.key)
        if place not in found or _preference(entry) < _preference(found[place]):
            found[place] = entry
    return [found[place] for place in sorted(found)]


def _entry(path: Path, record: Record, folder: Path) -> Entry:
    missing = [name for name in NEEDED if name not in record.cell.protocol]
    if missing:
        raise StoreError(f"{path} is not a record of a protocol: cell.protocol lacks {', '.join(missing)}")
    return Entry(
        link=f"{_between(folder, path.parent)}/{path.name}",
        record=record.model_copy(update={"curve": None, "predictions": None}),
        evaluations=Evaluations.of(record.curve, record.cell.protocol["window"]) if record.curve else None,
    )


@lru_cache(maxsize=1024)
def _hash_of(protocol: bytes) -> str:
    """The key of a protocol that thousands of records have in common. To marshal it is cheaper than to hash it.

    Equal protocols may marshal differently; then they are hashed twice, to the same key.
    """
    return key_of(marshal.loads(protocol))


@lru_cache(maxsize=1024)
def _between(start: Path, folder: Path) -> str:
    """The relative path from one folder to another."""
    return Path(os.path.relpath(folder, start)).as_posix()


def _preference(entry: Entry) -> tuple[bool, str]:
    return (not entry.record.ok, entry.link)
