"""The record of a cell that has ended: what every record has, however it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import torch

from bench.cell import Cell, Skip
from bench.engine.hardware import environment, fingerprint
from bench.engine.provenance import provenance
from bench.engine.teachers import Brought
from bench.parameters import tuned
from bench.record import SCHEMA, Record


def ended(
    cell: Cell, device: torch.device, brought: Brought | None, skips: Sequence[Skip], started: datetime, **parts: Any
) -> Record:
    """parts: the status, and what only a cell that ended so has."""
    return Record(
        schema=SCHEMA,
        key=cell.key,
        machine=fingerprint(device),
        cell=cell.identity,
        metric=cell.task.metric,
        tuned=tuned(cell.method, cell.task.modality, cell.protocol),
        task_note=cell.task.note,
        in_aggregates=cell.task.in_aggregates,
        adapted=cell.task.modality in cell.method.adapted,
        reports=cell.method.reports,
        skipped={skip.method: skip.reason for skip in skips if (skip.task, skip.pair) == (cell.task.name, cell.pair)},
        environment=environment(device),
        provenance=provenance(cell, device, brought.path if brought else None, started),
        **parts,
    )
