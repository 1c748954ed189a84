"""Text → Markdown: escaping, links, and the tables of the board."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from bench.board.group import SEEDS_FOR_ORDER, Row
from bench.board.table import UNKNOWN, Figure, Line, Table

PLAIN = frozenset(" .,:;()+-=/%'\"†‡·–→>±∞×…τδ−‖")
"""What Markdown and HTML leave alone inside a line, beside letters and digits."""

BLOCK = re.compile(r"^(?:>|[-+]+(?= |$)|\d+[.)](?= |$))")


def one_line(text: str) -> str:
    """Any text in one line, without what cannot be seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


@lru_cache(maxsize=4096)
def escape(text: str) -> str:
    """Any text as one line that Markdown and HTML show as it is: no table, markup or link can come out of it."""
    # An underscore inside a word is no emphasis, and names are full of them.
    escaped = re.sub(r"[^\W_](_(?=[^\W_]))?|.", lambda found: _safe(found[0]), one_line(text))
    # At the start of a line these begin a list, a quotation or a rule.
    escaped = BLOCK.sub(
        lambda found: "".join(char if char.isdigit() else f"&#{ord(char)};" for char in found[0]), escaped
    )
    # GitHub makes links of bare addresses, also of escaped ones; a comment inside shows nothing and ends them.
    # Not in front: a line that begins with one is HTML to its end.
    return re.sub(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=.)(?=&#64;)", "<!-- -->", escaped)


def _safe(piece: str) -> str:
    return piece if piece[0].isalnum() or piece in PLAIN else f"&#{ord(piece)};"


def code(text: str) -> str:
    """Text in a fixed-width font. Not in backticks: a text with backticks would end them."""
    return f"<code>{escape(text)}</code>"


def link(text: str, target: str) -> str:
    """A link to a file, by a relative path."""
    return f"[{escape(text)}]({quote(target)})"


def image(text: str, target: str) -> str:
    """A picture, by a relative path."""
    return f"!{link(text, target)}"


def folded(summary: str, content: str) -> str:
    """Text that opens on a click. summary: plain text."""
    return f"<details><summary>{escape(summary)}</summary>\n\n{content}\n\n</details>"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A table of cells that are Markdown already; the first `left` columns are aligned left, the rest right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]

    def written(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([written(lines[0]), written(rule), *(written(line) for line in lines[1:])])


def written(table: Table) -> str:
    """A table of the board, and under it in one sentence each what its columns are."""
    head = [escape(table.head), *(escape(column.title) for column in table.columns)]
    text = grid(head, ([label(line), *map(figure, line.figures)] for line in table.lines))
    meanings = [f"**{escape(each.title)}**: {escape(each.meaning)}." for each in table.columns if each.meaning]
    notes = [escape(note) for note in table.notes]
    return "\n\n".join(part for part in (text, f"<sub>{' '.join([*meanings, *notes])}</sub>") if part)


def label(line: Line) -> str:
    """Of a line of a table."""
    return escape(line.of) if isinstance(line.of, str) else name(line.of, line.seeds)


def name(row: Row, seeds: int | None = None) -> str:
    """The row's label with its marks: † adapted, * provisional. seeds: how many a table shows, if not all."""
    version, bracket, parameters = row.label.removeprefix(row.method).partition("[")
    # Only these brackets are ours; nothing follows them that would make a link.
    plain = (escape(row.method + version) or UNKNOWN) + (f"[{escape(parameters[:-1])}]" if bracket else "")
    provisional = (len(row.by_seed) if seeds is None else seeds) < SEEDS_FOR_ORDER
    return plain + ("†" if row.adapted else "") + (r"\*" if provisional else "")


def figure(value: Figure) -> str:
    """A cell of a table."""
    text = escape(value.text)
    return f"**{text}**" if value.strong and text else text
