"""What a cell's record is named after, so that it is found without being opened."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Names(NamedTuple):
    """The parts of a record's path, as the user writes them."""

    task: str
    protocol: str
    pair: str
    method: str
    seed: int
    key: str

    @property
    def folder(self) -> tuple[str, str, str]:
        """Those of the folder, which all methods and seeds share."""
        return self[:3]


class Named(Protocol):
    """A cell of a plan, or a record."""

    @property
    def names(self) -> Names: ...
