"""Cells of the misbehaving plugin, as the executors get them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cell import Cell
from bench.engine.hardware import fingerprint
from bench.engine.teachers import teacher_key
from bench.executors.job import Job, Ticket
from bench.executors.local import Local
from bench.executors.outcome import Outcome
from bench.executors.runner import Seat
from bench.registry import Registry
from bench.store import Store

PLUGIN = Path(__file__).with_name("misbehaving.py")
MACHINE = fingerprint(torch.device("cpu"))
SEATS = [Seat(f"worker {number}", "cpu", 1) for number in (1, 2)]


class Heard:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.events: list[tuple[str, str]] = []
        self.steps: list[tuple[str, int, int]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def began(self, seat: str, name: str) -> None:
        self.events.append(("began", seat))

    def stepped(self, seat: str, done: int, total: int) -> None:
        self.steps.append((seat, done, total))

    def left(self, seat: str) -> None:
        self.events.append(("left", seat))


@pytest.fixture(autouse=True, scope="session")
def processes(quick_processes: None) -> None:
    """All of these tests run cells in processes."""


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry([PLUGIN])


@pytest.fixture
def job(store: Store, tmp_path: Path) -> Job:
    return Job(results=store.root, machine=MACHINE, folder=tmp_path, plugins=(PLUGIN,), environment=dict(os.environ))


@pytest.fixture
def ticket(registry: Registry, store: Store, tmp_path: Path) -> Callable[..., Ticket]:
    """A cell of a built-in method, or of the one that misbehaves."""

    def make(name: str = "bad", how: str = "well", seed: int = 0, of: str = "mytoy") -> Ticket:
        task = registry.task(of)
        made = registry.method(name)(**({"how": how, "where": str(tmp_path)} if name == "bad" else {}))
        pair, protocol = task.pairs[0], task.protocols["fair"]
        key = teacher_key(task, pair.teacher, protocol, "float32", None) if made.uses_teacher else None
        cell = Cell(task, pair, made, protocol, seed, "float32", key)
        return Ticket.of(cell, store.mark(MACHINE, cell))

    return make


@pytest.fixture
def run(job: Job, heard: Heard) -> Callable[..., list[Outcome]]:
    """Runs tickets with worker processes."""

    def runs(tickets: Sequence[Ticket], seats: Sequence[Seat] = SEATS[:1], **options: Any) -> list[Outcome]:
        return list(Local(job, seats, heard, **options).run(tickets))

    return runs
