"""A table of the board as data: what Markdown and the page show alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench.board.group import Row

UNKNOWN = "–"


@dataclass(frozen=True)
class Figure:
    """One cell of a table."""

    text: str
    """As people read it."""
    number: float | None = None
    """What to sort by; infinity for what was never reached, None for what is unknown."""
    strong: bool = False
    """Whether it holds: after Holm; on the ladder, by the bound of its rule."""


NONE = Figure(UNKNOWN)


@dataclass(frozen=True)
class Column:
    """The head of a column, and in one sentence what its figures are."""

    title: str
    meaning: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a table: of a row of the group, or of something else that has only a label."""

    of: Row | str
    figures: tuple[Figure, ...]
    seeds: int | None = None
    """How many runs are shown, if not all of the row's."""


def alone(label: str, columns: tuple[Column, ...], known: dict[str, Figure]) -> Line:
    """A line of something that is no row of the group. known: the titles of its columns → their figures."""
    return Line(label, tuple(known.get(column.title, NONE) for column in columns))


@dataclass(frozen=True)
class Table:
    """What stands together. Times and memory of one machine only; runs of one group only."""

    name: str
    """Stable, for links and tests: `accuracy`, `match`, …"""
    title: str
    columns: tuple[Column, ...]
    """Without the first one, the labels."""
    lines: tuple[Line, ...]
    head: str = "Method"
    machine: str | None = None
    """The machine whose times and memory these are."""
    notes: tuple[str, ...] = field(default=())

    def without_empty_columns(self) -> Table:
        """The same without the columns in which nothing is known."""
        kept = [
            number
            for number in range(len(self.columns))
            if any(line.figures[number].text not in ("", UNKNOWN) for line in self.lines)
        ]
        columns = tuple(self.columns[number] for number in kept)
        lines = tuple(Line(line.of, tuple(line.figures[number] for number in kept), line.seeds) for line in self.lines)
        return Table(self.name, self.title, columns, lines, self.head, self.machine, self.notes)


def number_of(value: float | None) -> float | None:
    """What a figure sorts by: NaN is unknown."""
    return None if value is None or math.isnan(value) else value
