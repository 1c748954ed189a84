"""Columns: what a figure is called, what it means, and where it comes from. A new figure is one more of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bench.board.markdown import UNKNOWN

Subject = TypeVar("Subject")
"""What stands in a line of the table: a row, a row on one machine, a network."""


@dataclass(frozen=True)
class Figure:
    """A figure as the board writes it, and the number by which it sorts: None if unknown, infinity if never."""

    text: str
    value: float | None

    @property
    def content(self) -> list[Any]:
        """As the page reads it. JSON has no infinity."""
        return [self.text, "inf" if self.value is not None and math.isinf(self.value) else self.value]


NOTHING = Figure(UNKNOWN, None)


@dataclass(frozen=True)
class Column(Generic[Subject]):
    """One column of a table of `Subject`s."""

    id: str
    title: str
    explanation: str
    """One sentence, for those who do not know the title."""
    unit: str
    """Of the number that sorts; empty if it has none."""
    figure: Callable[[Subject], Figure]
    kind: str = "number"
    """`number` or `text`."""

    @property
    def content(self) -> dict[str, str]:
        """As the page reads it."""
        return {
            "id": self.id,
            "title": self.title,
            "explanation": self.explanation,
            "unit": self.unit,
            "kind": self.kind,
        }
