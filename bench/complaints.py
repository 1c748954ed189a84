"""What is wrong with a record's text, field by field: what is there, and what was expected."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from bench.record import SCHEMA

Complaint = tuple[str, str]
"""A field, dotted, and what is wrong with it."""
WHOLE = "json"
"""The field of what is wrong with the text as a whole."""
SHOWN = 70
"""Characters of a value that are shown."""


def wrong(field: str, value: Any, expected: str) -> Complaint:
    return field, f"is {shown(value)}: expected {expected}"


def shown(value: Any) -> str:
    """The value as JSON on one line, or its beginning."""
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def other_schema(content: bytes) -> str | None:
    """What to say of a record of another schema version; None if it is of this one, or no record."""
    try:
        schema = json.loads(content)["schema"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if type(schema) is not int or schema == SCHEMA:
        return None
    if schema > SCHEMA:
        advice = "a newer kdbench made it: update this one, or move the file away"
    else:
        advice = "an older kdbench made it: move the file away, and run its cell again"
    return f"has schema {shown(schema)}, this kdbench reads {SCHEMA}: {advice}"


def complaints(content: bytes, error: ValidationError) -> list[Complaint]:
    """Why `content` is not a record, from pydantic's error about it."""
    return [_complaint(content, each) for each in error.errors(include_url=False)]


def _complaint(content: bytes, detail: dict[str, Any]) -> Complaint:
    field, kind = ".".join(map(str, detail["loc"])) or WHOLE, detail["type"]
    if kind == "json_invalid":
        return field, _no_json(content, detail["ctx"]["error"])
    if kind == "missing":
        return field, "is missing"
    if kind == "extra_forbidden":
        return field, "is no field of a record"
    if kind == "value_error":
        return field if detail["loc"] else "record", str(detail["ctx"]["error"])
    expected = detail["msg"].replace("Input should be ", "").replace("String should ", "a string to ")
    return wrong(field, detail["input"], expected)


def _no_json(content: bytes, reason: str) -> str:
    if not content.strip():
        return "the file is empty"
    if reason.startswith("EOF"):
        return f"the file ends at byte {len(content):,}, in the middle of the record: it was cut off"
    return f"this is not JSON: {reason}"
