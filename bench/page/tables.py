"""A table of the board → plain data. Figures are the board's, written as the board writes them."""

from __future__ import annotations

import math
from typing import Any

from bench.board.group import SEEDS_FOR_ORDER, Row
from bench.board.table import UNKNOWN, Column, Figure, Line, Table
from bench.page.links import Links


def table_data(table: Table, links: Links | None = None) -> dict[str, Any]:
    """links: of the group whose rows the lines are of, if they are of rows."""
    return {
        "name": table.name,
        "title": table.title,
        "machine": table.machine,
        "head": table.head,
        "notes": list(table.notes),
        "columns": [_column(column, number, table) for number, column in enumerate(table.columns)],
        "lines": [_line(line, links) for line in table.lines],
    }


def figure_data(figure: Figure) -> list[Any]:
    """The text, the number that sorts it, and whether it holds after Holm. JSON has no infinity."""
    infinite = figure.number is not None and math.isinf(figure.number)
    return [figure.text, "inf" if infinite else figure.number, figure.strong]


def _column(column: Column, number: int, table: Table) -> dict[str, str]:
    figures = [line.figures[number] for line in table.lines]
    words = any(figure.text not in ("", UNKNOWN) and figure.number is None for figure in figures)
    return {"title": column.title, "meaning": column.meaning, "kind": "text" if words else "number"}


def _line(line: Line, links: Links | None) -> dict[str, Any]:
    figures = [figure_data(figure) for figure in line.figures]
    if not isinstance(line.of, Row):
        return {"row": None, "label": line.of, "figures": figures}
    seeds = len(line.of.by_seed) if line.seeds is None else line.seeds
    return {
        "row": links.row(line.of),
        "label": line.of.label,
        "provisional": seeds < SEEDS_FOR_ORDER,
        "figures": figures,
    }
