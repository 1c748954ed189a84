"""Data → scripts. A page opened from disk may not fetch files, but it may load scripts that hand their data over.

The data are JSON inside a template literal: the browser parses them as JSON, so nothing in a record runs as code.
"""

from __future__ import annotations

import json
from typing import Any

ESCAPES = (
    (b"\\", b"\\\\"),
    (b"`", b"\\`"),
    (b"$", b"\\$"),
    # In JSON `<` stands in strings only, where this means the same. No script can be ended, no comment opened.
    (b"<", b"\\\\u003c"),
)
"""In this order."""


def text_of(content: Any) -> bytes:
    """The content as JSON in ASCII; NaN and infinity raise ValueError."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def script(name: str, text: bytes) -> bytes:
    """The script that hands JSON text over under a name; the name is made of letters, digits, `-` and `/`."""
    for char, escaped in ESCAPES:
        text = text.replace(char, escaped)
    return b"kdbench.put('%s', `%s`);\n" % (name.encode(), text)
