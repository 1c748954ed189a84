"""What the schema cannot say of a record: its free content holds plain figures, and its protocol is one.

Whoever computes with a record that was read relies on it.
"""

from __future__ import annotations

import marshal
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench.complaints import Complaint, complaints, wrong
from bench.identity import canonical
from bench.protocol import Protocol
from bench.record import HUGE, Record

PROTOCOL = TypeAdapter(Protocol)
NEEDED = (
    "name",
    "version",
    "student",
    "teacher",
    "evaluations",
    "select",
    "target",
    "target_margin",
    "target_seeds",
    "window",
    "controls",
)
"""What the board asks a record's protocol for."""


def unsound(record: Record) -> list[Complaint]:
    """All that is wrong; empty for every record that a run left."""
    cell = record.cell
    parts = (("cell.method.parameters", cell.method.parameters), ("tuned", record.tuned))
    found = [
        complaint
        for field, content in (*parts, ("environment", record.environment))
        # Almost always all is well, and to find the place takes longer.
        if not _is_plain(content)
        for complaint in extremes(content, field)
    ]
    return [*found, *_of_protocol(marshal.dumps(cell.protocol))]


def _is_plain(value: Any) -> bool:
    """Whether `extremes` finds nothing."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        return all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if kind is list else -HUGE <= value <= HUGE


@lru_cache(maxsize=1024)
def _of_protocol(marshalled: bytes) -> list[Complaint]:
    """Why the content is no protocol. Thousands of records have one in common: to marshal it is cheaper than this."""
    content = marshal.loads(marshalled)
    if found := list(extremes(content, "cell.protocol")):
        return found
    found = [(name, "is missing") for name in NEEDED if name not in content]
    try:
        PROTOCOL.validate_json(text := canonical(content), strict=True)
    except ValidationError as error:
        found += [each for each in complaints(text.encode(), error) if each not in found]
    return [(f"cell.protocol.{field}", problem) for field, problem in found]


def extremes(value: Any, field: str) -> Iterator[Complaint]:
    """The figures inside that are not finite, or so large that sums of their squares are not."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from extremes(part, f"{field}.{name}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from extremes(part, f"{field}.{number}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield wrong(field, value, "a finite number")
    elif isinstance(value, int | float) and abs(value) > HUGE:
        yield wrong(field, value, "a number of at most 1e40")
