"""Permanent links: what a group and a row are called in addresses. From content alone, so that they stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.board.group import Group, Row
from bench.identity import key_of

DIGITS = 12
"""Hexadecimal digits of a link's part; they tell 10^6 groups apart."""


@dataclass(frozen=True)
class Links:
    """What stands for a group and its rows in addresses."""

    of: Group
    _rows: dict[str, str] = field(default_factory=dict)

    @cached_property
    def family(self) -> str:
        """The group's name without teacher and budget: it still leads to the group when a teacher came to it."""
        cell = self.of.cell
        return _short(
            {
                "task": cell.task.model_dump(),
                "pair": cell.pair.model_dump(),
                "protocol": self.of.protocol_hash,
                "arithmetic": cell.arithmetic,
                "pretrained": cell.pretrained,
            }
        )

    @cached_property
    def group(self) -> str:
        """The group's name."""
        teacher, budget = self.of.teacher, self.of.cell.budget
        if teacher is None and budget == 1:
            return self.family
        return _short({"family": self.family, "teacher": teacher.sha256 if teacher else None, "budget": budget})

    def row(self, row: Row) -> str:
        """The row's name inside its group, the same under every teacher and budget."""
        identity = row.identity
        if identity not in self._rows:
            self._rows[identity] = _short({"family": self.family, "row": identity})
        return self._rows[identity]


def _short(content: dict[str, Any]) -> str:
    return key_of(content)[:DIGITS]
