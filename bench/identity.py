"""Keys: sha256 of canonical JSON. The same content gives the same key, whatever the order it was written in."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity raise ValueError."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def key_of(content: Any) -> str:
    """The sha256 of the content, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()
