"""The form: whether a file's text is a record at all, whatever it says."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from bench.complaints import WHOLE, Complaint, complaints, other_schema, wrong
from bench.record import Record

LARGEST = 2**63 - 1
"""Tables and arrays hold no larger integer."""


def parsed(content: bytes) -> tuple[Record | None, list[Complaint]]:
    """The record, or all that is wrong with the form of its text."""
    if other := other_schema(content):
        return None, [("schema", other)]
    record, found = None, []
    try:
        record = Record.model_validate_json(content, strict=True)
    except ValidationError as error:
        found = complaints(content, error)
    known = {field for field, _ in found}
    found += [each for each in slips(content) if each[0] not in known]
    return (None if found else record), found


def slips(content: bytes) -> Iterator[Complaint]:
    """What a JSON reader lets pass: names that are given twice, numbers that are not finite or too large."""
    try:
        yield from _slips(json.loads(content, object_pairs_hook=_Names), ())
    except (ValueError, RecursionError):
        return  # no JSON, or too deep, which the schema's own reader says


class _Names(list):
    """An object as pairs of name and value, so that no name is lost."""


def _slips(value: Any, path: tuple[str, ...]) -> Iterator[Complaint]:
    field = ".".join(path) or WHOLE
    if isinstance(value, float) and not math.isfinite(value):
        yield wrong(field, value, "a finite number")
    if isinstance(value, int) and abs(value) > LARGEST:
        yield wrong(field, value, "an integer of 64 bits")
    if isinstance(value, _Names):
        for name, count in Counter(name for name, _ in value).items():
            if count > 1:
                yield ".".join((*path, name)) or WHOLE, f"is given {count} times: expected once"
        for name, part in value:
            yield from _slips(part, (*path, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _slips(part, (*path, str(number)))
