"""Text from elsewhere on a terminal: what would clear the screen, move the cursor or turn letters round is spelled."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line, whatever it holds."""
    return text if text.isprintable() else "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def printable_lines(text: str) -> str:
    """The same, its line breaks kept."""
    return "\n".join(printable(line) for line in text.split("\n"))
