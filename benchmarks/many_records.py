"""A results folder of 10,000 records: 100 groups of ten methods and ten seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import records

from bench.record import Predictions
from bench.store import Store

RECORDS = 10_000
SEEDS = 10
METHODS = ("scratch", "kd", "pkd", *(f"method{number}" for number in range(7)))


def many_records(folder: Path, evaluations: int, items: int) -> Path:
    """Writes them, each with so many evaluations and test items."""
    store = Store(folder)
    select = [50 + number / evaluations for number in range(evaluations)]
    draw = np.random.RandomState(0)
    labels = draw.randint(0, 100, items)
    for number in range(RECORDS // len(METHODS) // SEEDS):
        for method in METHODS:
            for seed in range(SEEDS):
                predicted = np.where(draw.rand(items) < 0.7, labels, draw.randint(0, 100, items))
                made = records.record(method, seed, pair=(f"teacher{number}", f"student{number}"), select=select)
                packed = Predictions.pack(predicted, labels)
                store.write(made.model_copy(update={"predictions": packed, "test_items": items}))
    assert len(store.paths()) == RECORDS
    return folder
