"""A cell → its script: the record as it is stored, m, and the rows that it stands in."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from pydantic_core import to_json

from bench.board.analysis import Analysis
from bench.board.entries import Entry
from bench.board.tables.ladder import same_row
from bench.page.links import group_link, row_link
from bench.page.script import script, text_of

PACKED = re.compile(rb'\n "predictions": \{\s*"count": \d+,\s*"classes": "[\w+/=]*",\s*"correct": "[\w+/=]*"\s*\}')
"""The predictions of a record as they are written. They are most of some files, and no one reads them."""
INDENT = b"\n   "
"""Of the numbers of a curve: a quarter of a file. No string of JSON holds a line break."""
SMOOTH_DIGITS = 4
"""Decimals of m, in percent points: more than a plot can show."""


def cells(analyses: Iterable[Analysis], folder: Path) -> Iterator[tuple[str, bytes]]:
    """The name and the script of every cell. folder: from which the links of the entries go."""
    found: dict[tuple[str, str], Entry] = {}
    places: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for analysis in analyses:
        for entry, place in _placed(analysis):
            cell = (entry.record.machine, entry.record.key)
            found[cell] = entry
            places[cell] += place
    for (machine, key), entry in found.items():
        name = f"cells/{machine}/{key}"
        # The folder may not be there yet, and then nothing is above it.
        path = Path(os.path.normpath(folder / entry.link))
        record = PACKED.sub(b'\n "predictions": null', path.read_bytes()).replace(INDENT, b"")
        facts = text_of({"file": entry.link, "places": places[machine, key]})
        yield name, script(name, facts[:-1] + b',"smooth":' + _smooth(entry) + b',"record":' + record + b"}")


def _placed(analysis: Analysis) -> Iterator[tuple[Entry, list[tuple[str, str]]]]:
    """Every run of a group and of its smaller budgets, with the row that it belongs to, if the group has one."""
    name = group_link(analysis.group)
    for group in (analysis.group, *analysis.rungs.values()):
        for row in group.rows:
            shown = same_row(row, analysis.group)
            place = [(name, row_link(analysis.group, shown))] if shown else []
            for entry in (*row.entries, *row.failures):
                yield entry, place


def _smooth(entry: Entry) -> bytes:
    if entry.evaluations is None:
        return b"null"
    return to_json(np.round(entry.evaluations.smooth, SMOOTH_DIGITS).tolist(), inf_nan_mode="null")
