"""The reference set: records of a machine, task and protocol that later ones are compared with. Small and committed."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.errors import StoreError
from bench.record import Record
from bench.store import BASELINE, Store


@dataclass(frozen=True)
class Written:
    """The set of one machine, task and protocol."""

    folder: Path
    records: tuple[Record, ...]
    bytes: int
    before: int
    """How many records the set had that it replaces."""


def write_baseline(records: Iterable[Record], results: Path) -> list[Written]:
    """Puts the records into the baseline of a results folder, each set in the place of the one that was there.

    All sets are written or none; one that cannot be raises StoreError. Records must be successes.
    """
    root = results / BASELINE
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".") as scratch:
            new, old = Store(Path(scratch, "new")), Path(scratch, "old")
            sets: dict[Path, list[Record]] = defaultdict(list)
            for record in records:
                sets[new.write(record).parents[1].relative_to(new.root)].append(record)
            with ExitStack() as undo:
                written = []
                for place, members in sets.items():
                    before = len(Store(root / place).paths())
                    undo.callback(_put_back, root / place, old / place, (root / place).exists())
                    _replace(root / place, new.root / place, old / place)
                    size = sum(path.stat().st_size for path in Store(root / place).paths())
                    written.append(Written(root / place, tuple(members), size, before))
                undo.pop_all()
            return written
    except OSError as error:
        raise StoreError(f"baseline {root} cannot be written: {error.strerror or error}") from error


def _replace(place: Path, new: Path, old: Path) -> None:
    if place.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        place.rename(old)
    place.parent.mkdir(parents=True, exist_ok=True)
    new.rename(place)


def _put_back(place: Path, old: Path, was_there: bool) -> None:
    """As before: what has come is gone, what was moved away is back."""
    if old.exists() or not was_there:
        shutil.rmtree(place, ignore_errors=True)
    if old.exists():
        old.rename(place)
