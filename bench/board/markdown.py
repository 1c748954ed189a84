"""Text → Markdown: escaping, tables, and how figures are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

from bench.board.match import Median
from bench.board.statistics import Summary

UNKNOWN = "–"
PLAIN = frozenset(" .,:;()+-=/%'\"†·–→>")
"""What Markdown and HTML leave alone inside a line, beside letters and digits."""


@lru_cache(maxsize=4096)
def escape(text: str) -> str:
    """Any text as one line that Markdown and HTML show as it is: no table, markup or link can come out of it."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    # An underscore inside a word is no emphasis, and names are full of them.
    escaped = re.sub(r"[^\W_](_(?=[^\W_]))?|.", lambda found: _safe(found[0]), line)
    # GitHub makes links of bare addresses, also of escaped ones; a comment inside shows nothing and ends them.
    return re.sub(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?=&#64;)", "<!-- -->", escaped)


def _safe(piece: str) -> str:
    return piece if piece[0].isalnum() or piece in PLAIN else f"&#{ord(piece)};"


def code(text: str) -> str:
    """Text in a fixed-width font. Not in backticks: a text with backticks would end them."""
    return f"<code>{escape(text)}</code>"


def link(text: str, target: str) -> str:
    """A link to a file, by a relative path."""
    return f"[{escape(text)}]({quote(target)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
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


def points(summary: Summary | None, signed: bool = False) -> str:
    """`71.20 ± 0.31 (5)`: mean, half of the 95% interval, number of seeds. No interval for one seed."""
    if summary is None:
        return UNKNOWN
    interval = "" if summary.half_width is None else f" ± {summary.half_width:.2f}"
    return f"{point(summary.mean, signed)}{interval} ({summary.n})"


def point(value: float | None, signed: bool = False) -> str:
    """A metric in percent points."""
    if value is None:
        return UNKNOWN
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    # What rounds to zero has no sign.
    return text.lstrip("+-") if float(text) == 0 else text


def seconds(value: float | None) -> str:
    """`0.85 s`, `41.2 s`, `1,234 s`."""
    return UNKNOWN if value is None else f"{value:,.{_digits(value)}f} s"


def duration(summary: Summary | None) -> str:
    """`41.2 ± 1.1 s (5)`."""
    if summary is None:
        return UNKNOWN
    digits = _digits(summary.mean)
    interval = "" if summary.half_width is None else f" ± {summary.half_width:,.{digits}f}"
    return f"{summary.mean:,.{digits}f}{interval} s ({summary.n})"


def to_match(median: Median | None, unit: str) -> str:
    """`41.2 s (4/5)`, `∞ (2/5)`: the median over seeds and how many of them reached the target."""
    if median is None:
        return UNKNOWN
    if math.isinf(median.value):
        value = "∞"
    else:
        value = {"seconds": seconds, "steps": "{:,.0f}".format, "flops": quantity}[unit](median.value)
    return f"{value} ({median.hits}/{median.n})"


def ratio(median: Median | None, reference: Median | None) -> str:
    """How many times the target method's own time; unknown where that one misses its own target."""
    if median is None or reference is None or math.isinf(reference.value) or reference.value == 0:
        return UNKNOWN
    return "∞" if math.isinf(median.value) else f"{median.value / reference.value:.2f}"


def megabytes(value: float | None) -> str:
    """Bytes as `412 MiB`."""
    return UNKNOWN if value is None else f"{value / 2**20:,.0f} MiB"


def count(value: float | None) -> str:
    """`278,324`."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def quantity(value: float | None) -> str:
    """Three digits and a prefix: `1.23 P`."""
    if value is None:
        return UNKNOWN
    value = float(f"{value:.3g}")
    power = 0 if value < 1 else min(int(math.log10(value)) // 3, 7)
    return f"{value / 1000**power:.3g} {['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'][power]}".strip()


def _digits(value: float) -> int:
    """Decimals that leave about three digits."""
    return 0 if value >= 100 else 1 if value >= 10 else 2
