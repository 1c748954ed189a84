"""How often a cell has lost its slot and got nowhere: it may be what ends them."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LOSSES = 3
"""A cell that has lost so many slots without progress fails."""


@dataclass
class Losses:
    """Of one cell."""

    causes: list[str] = field(default_factory=list)
    """Why its slots were lost, since it last made progress."""
    furthest: int = 0
    """The latest step that any of its slots has told."""

    def add(self, cause: str, step: int) -> None:
        """A slot is lost that was at this step. A later one than ever before: nodes go, and the cell goes on."""
        if step > self.furthest:
            self.causes.clear()
        self.furthest = max(self.furthest, step)
        self.causes.append(cause)

    @property
    def verdict(self) -> str | None:
        """Why the cell fails; None: it is to be run again."""
        if len(self.causes) < MOST_LOSSES:
            return None
        return f"its slot was lost {len(self.causes)} times. {self.causes[-1]}"
