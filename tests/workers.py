"""Cells of the toy task and workers that run them, for the tests of the worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from toy import FAIR, Toy

from bench.cell import Cell
from bench.engine.teachers import Brought, teacher_key
from bench.engine.worker import Worker
from bench.method import Method
from bench.protocol import Protocol
from bench.registry import Registry
from bench.task import Pair

REGISTRY = Registry()
TASK = Toy()


def make_worker(brought: Brought | None = None, data_dir: Path | None = None, **options: Any) -> Worker:
    plain = lambda name: REGISTRY.method(name)()  # noqa: E731
    return Worker(torch.device("cpu"), data_dir, plain, brought, **{"say": lambda line: None} | options)


def cell(
    method: Method | str,
    seed: int = 0,
    protocol: Protocol = FAIR,
    pair: Pair = TASK.pairs[0],
    brought: Brought | None = None,
) -> Cell:
    made = REGISTRY.method(method)() if isinstance(method, str) else method
    key = teacher_key(TASK, pair.teacher, protocol, "float32", brought) if made.uses_teacher else None
    return Cell(TASK, pair, made, protocol, seed, "float32", key)
