"""Permanent links: what a group and a row are called in addresses. From content alone, so that they stay."""

from __future__ import annotations

from typing import Any

from bench.board.group import Group, Row
from bench.identity import key_of

DIGITS = 12
"""Hexadecimal digits of a link's part; they tell 10^6 groups apart."""


def family_link(group: Group) -> str:
    """The group's name without teacher and budget: it leads to the group also after runs with a teacher came to it."""
    cell = group.cell
    return _short(
        {
            "task": cell.task.model_dump(),
            "pair": cell.pair.model_dump(),
            "protocol": group.protocol_hash,
            "arithmetic": cell.arithmetic,
            "pretrained": cell.pretrained,
        }
    )


def group_link(group: Group) -> str:
    """The group's name."""
    if group.teacher is None and group.cell.budget == 1:
        return family_link(group)
    teacher = group.teacher.sha256 if group.teacher else None
    return _short({"family": family_link(group), "teacher": teacher, "budget": group.cell.budget})


def row_link(group: Group, row: Row) -> str:
    """The row's name inside its group, the same under every teacher and budget."""
    return _short({"family": family_link(group), "row": row.identity})


def _short(content: dict[str, Any]) -> str:
    return key_of(content)[:DIGITS]
