"""Keys: sha256 of canonical JSON. The same content gives the same key, whatever the order it was written in."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity raise ValueError."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def key_of(content: Any) -> str:
    """The sha256 of the content, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def keys_over(content: dict[str, Any], name: str, numbers: Iterable[int]) -> Iterator[str]:
    """`key_of({**content, name: number})` for each of the numbers: all else is written and hashed once."""
    # No text of the content holds this string, whose ends tell where a number belongs.
    gap = f"{uuid.uuid4()}"
    before, _, after = canonical({**content, name: gap}).partition(canonical(gap))
    start, end = hashlib.sha256(before.encode()), after.encode()
    for number in numbers:
        digest = start.copy()
        digest.update(str(number).encode() + end)
        yield digest.hexdigest()
