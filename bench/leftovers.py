"""What a run that was killed has left beside a record that is whole: the failure before it, and its checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench.cache import checkpoint_path
from bench.cell import Cell
from bench.store import Mark, Store, inodes, read


def clear_leftovers(store: Store, machine: str, cells: Iterable[tuple[Cell, Mark]], checkpoints: Path) -> None:
    """Removes both, as writing the record would have done next. A later try of the same cell keeps what it has left.

    checkpoints: the folder of those of this results folder.
    """
    kept = inodes(checkpoints)
    for cell, (done, failed) in cells:
        checkpoint = checkpoint_path(checkpoints, cell.key)
        if not done or not (failed or checkpoint.name in kept) or not store.claims.take(cell.key):
            continue
        try:
            record, failure = (store.path(machine, cell, failed=state) for state in (False, True))
            # The marks are older than the claim: another command may have removed any of this since.
            done, failed = store.mark(machine, cell)
            if done and failed and read(failure).provenance.started <= read(record).provenance.started:
                failure.unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                if checkpoint.stat().st_mtime_ns <= record.stat().st_mtime_ns:
                    checkpoint.unlink()
        finally:
            store.claims.release(cell.key)
