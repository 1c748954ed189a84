"""What a process that runs cells tells the one that gave them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError


@dataclass(frozen=True)
class Ready:
    """The process has imported what it needs, and works from here on."""


@dataclass(frozen=True)
class Said:
    """A line for people."""

    text: str


@dataclass(frozen=True)
class Waits:
    """The teacher of the cell is being trained, here or by another process: a sign of life."""


@dataclass(frozen=True)
class Began:
    """Data and teacher are there: from here on it is the cell's own time."""


@dataclass(frozen=True)
class Stepped:
    """The training that runs now, the cell's or its teacher's, is at step `done` of `total`."""

    done: int
    total: int


@dataclass(frozen=True)
class Ended:
    """The cell's record is on disk."""

    path: Path
    spent: bool
    """Whether the process must not run another cell: its memory or its device may be left in a bad state."""
    exported: bool = True
    """False: a student that should have been exported was not."""


@dataclass(frozen=True)
class Taken:
    """Another run has the cell in hand."""


@dataclass(frozen=True)
class Made:
    """Another run has finished the cell since the plan was made."""


@dataclass(frozen=True)
class LeftOut:
    """The cell has no teacher, since its training fails, and neither has any other cell of that teacher."""

    reason: str


@dataclass(frozen=True)
class OutOfMemory:
    """Memory ran out; nothing was written, since the cell gets another try."""


@dataclass(frozen=True)
class Refused:
    """An error that every other cell would meet too."""

    error: BenchError


Message = Ready | Said | Waits | Began | Stepped | Ended | Taken | Made | LeftOut | OutOfMemory | Refused
