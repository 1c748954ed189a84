"""Cells → their scripts: each record as it is stored, m, and the rows that they stand in."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic_core import to_json

from bench.board.analysis import Analysis
from bench.board.entries import Entry
from bench.page.links import Links
from bench.page.script import script, text_of

PREDICTIONS = re.compile(rb'\n "predictions": \{\s*"count": \d+,\s*"classes": "[\w+/=]*",\s*"correct": "[\w+/=]*"\s*\}')
"""The predictions of a record as they are written. They are most of some files, and no one reads them."""
INDENT = b"\n   "
"""Of the numbers of a curve: a quarter of a file. No string of JSON holds a line break."""
PACK_BYTES = 10**6
SMOOTH_DIGITS = 4
"""Decimals of m, in percent points: more than a plot can show."""


@dataclass(frozen=True)
class Cell:
    """One run on the page."""

    machine: str
    key: str
    script: bytes


def packs(analyses: Iterable[Analysis], folder: Path) -> Iterator[list[Cell]]:
    """All cells, those of a row side by side, in packs of about a megabyte.

    A file for every cell would be ten thousands, which take a disk much longer to write and to remove.
    folder: from which the links of the entries go.
    """
    pack: list[Cell] = []
    size = 0
    for cell in _cells(analyses, folder):
        pack.append(cell)
        size += len(cell.script)
        if size > PACK_BYTES:
            yield pack
            pack, size = [], 0
    if pack:
        yield pack


def _cells(analyses: Iterable[Analysis], folder: Path) -> Iterator[Cell]:
    found: dict[tuple[str, str], Entry] = {}
    places: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for analysis in analyses:
        for entry, place in _placed(analysis):
            cell = (entry.record.machine, entry.record.key)
            found[cell] = entry
            places[cell].append(place)
    for (machine, key), entry in found.items():
        # The folder may not be there yet, and then nothing is above it.
        with open(os.path.normpath(os.path.join(folder, entry.link)), "rb", buffering=0) as file:
            record = PREDICTIONS.sub(b'\n "predictions": null', file.readall()).replace(INDENT, b"")
        facts = text_of({"file": entry.link, "places": places[machine, key]})
        text = facts[:-1] + b',"smooth":' + _smooth(entry) + b',"record":' + record + b"}"
        yield Cell(machine, key, script(f"cells/{machine}/{key}", text))


def _placed(analysis: Analysis) -> Iterator[tuple[Entry, tuple[str, str]]]:
    """Every run of a group and of its smaller budgets, with the row that it belongs to."""
    links = Links(analysis.group)
    for group in (analysis.group, *analysis.rungs.values()):
        for row in group.rows:
            for entry in (*row.entries, *row.failures):
                yield entry, (links.group, links.row(row))


def _smooth(entry: Entry) -> bytes:
    if entry.evaluations is None:
        return b"null"
    return to_json(np.round(entry.evaluations.smooth, SMOOTH_DIGITS).tolist(), inf_nan_mode="null")
