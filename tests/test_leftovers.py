"""What a run that was killed has left beside records, and what a later try of a cell keeps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import records

from bench.cache import checkpoint_path
from bench.leftovers import clear_leftovers
from bench.record import Record
from bench.store import Store

EARLIER, NOW, LATER = "2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+00:00", "2026-01-01T12:00:00+00:00"


class Left:
    """A finished cell, and what lies beside its record."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "results")
        self.record = self.begun(records.record(), NOW)
        self.path = self.store.write(self.record)
        self.checkpoint = checkpoint_path(folder / "checkpoints", self.record.key)

    @staticmethod
    def begun(record: Record, started: str) -> Record:
        return record.model_copy(update={"provenance": record.provenance.model_copy(update={"started": started})})

    def fail(self, started: str) -> Path:
        """A failure of the same cell."""
        parts = {"status": "error", "reason": "planted", "result": None, "curve": None, "cost": None}
        return self.store.write(self.begun(self.record.model_copy(update=parts), started))

    def keep_checkpoint(self, seconds: int) -> None:
        """A checkpoint that was written so long after the record."""
        self.checkpoint.parent.mkdir()
        self.checkpoint.write_bytes(b"state")
        time = self.path.stat().st_mtime_ns + seconds * 10**9
        os.utime(self.checkpoint, ns=(time, time))

    def clear(self) -> None:
        mark = self.store.mark(self.record.machine, self.record)
        clear_leftovers(self.store, self.record.machine, [(self.record, mark)], self.checkpoint.parent)
        assert self.path.exists()


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


def test_the_failure_before_a_success_is_removed(left: Left) -> None:
    failure = left.fail(EARLIER)
    left.clear()
    assert not failure.exists()


def test_the_failure_of_a_later_try_stays(left: Left) -> None:
    failure = left.fail(LATER)
    left.clear()
    assert failure.exists()


@pytest.mark.parametrize(("seconds", "stays"), [(-1, False), (1, True)])
def test_the_checkpoint_of_a_record_is_removed_and_that_of_a_later_try_stays(left: Left, seconds, stays) -> None:
    left.keep_checkpoint(seconds)
    left.clear()
    assert left.checkpoint.exists() == stays


def test_what_another_process_has_in_hand_stays(left: Left) -> None:
    left.keep_checkpoint(-1)
    failure = left.fail(EARLIER)
    here, there = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.write(there, b"1" if left.store.claims.take(left.record.key) else b"0")
            os.read(os.pipe()[0], 1)
        finally:
            os._exit(0)
    try:
        assert os.read(here, 1) == b"1"
        left.clear()
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
    assert failure.exists()
    assert left.checkpoint.exists()
    left.clear()
    assert not failure.exists()


@pytest.mark.parametrize("gone", ["record", "failure", "checkpoint"])
def test_what_another_command_removes_before_the_claim_is_taken_is_no_error(left: Left, monkeypatch, gone) -> None:
    left.keep_checkpoint(-1)
    failure = left.fail(EARLIER)
    path = {"record": left.path, "failure": failure, "checkpoint": left.checkpoint}[gone]
    take = left.store.claims.take

    def removed_first(name: str) -> bool:
        path.unlink()
        return take(name)

    monkeypatch.setattr(left.store.claims, "take", removed_first)
    mark = left.store.mark(left.record.machine, left.record)
    clear_leftovers(left.store, left.record.machine, [(left.record, mark)], left.checkpoint.parent)
    # Without a record, what is there is no leftover.
    assert [each.exists() for each in (left.path, failure, left.checkpoint)] == [
        gone != "record",
        gone == "record",
        gone == "record",
    ]
