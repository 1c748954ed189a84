"""Permanent links: what a group and a row are called in addresses. From content alone, so that they stay."""

from __future__ import annotations

from bench.board.group import Group, Row
from bench.identity import key_of

DIGITS = 12
"""Hexadecimal digits of a link's part; they tell 10^7 groups apart."""


def family_link(group: Group) -> str:
    """The group's name without its teacher: it leads to the group also after runs with a teacher came to it."""
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
    if group.teacher is None:
        return family_link(group)
    return _short({"family": family_link(group), "teacher": group.teacher.sha256})


def row_link(group: Group, row: Row) -> str:
    """The row's name inside its group, the same under every teacher."""
    return _short(
        {
            "family": family_link(group),
            "method": row.method,
            "version": row.version,
            "parameters": row.parameters,
        }
    )


def _short(content: dict) -> str:
    return key_of(content)[:DIGITS]
