"""Batches as most training code makes them, from a DataLoader.

Without workers: they would fetch ahead while the other way is timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding
from workloads import Images

from bench.engine.workbench import Workbench


def usual_images(bench: Workbench, size: int) -> Iterator[Any]:
    """PIL images, each cropped, flipped and normalised by itself."""
    return endless(DataLoader(Images(bench.splits.fit), size, shuffle=True, drop_last=True))


def usual_texts(bench: Workbench, size: int) -> Iterator[Any]:
    """Tokens of each text as lists, padded to the longest of the batch by transformers."""
    fit = bench.splits.fit
    rows = [
        {name: tensor[number, :length].tolist() for name, tensor in fit.inputs.items()} | {"labels": int(label)}
        for number, (length, label) in enumerate(zip(fit.lengths.tolist(), fit.labels, strict=True))
    ]
    tokenizer = bench.task.backbone(bench.task.pairs[0].teacher).tokenizer
    return endless(DataLoader(rows, size, shuffle=True, drop_last=True, collate_fn=DataCollatorWithPadding(tokenizer)))


def endless(loader: DataLoader) -> Iterator[Any]:
    """Its batches, epoch after epoch."""
    while True:
        yield from loader
