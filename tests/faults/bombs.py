"""A pickle that does something when it is unpickled, so that a test sees whether it was."""

from __future__ import annotations

import os
from pathlib import Path


class Bomb:
    """Pickled, it makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (os.fspath(self.mark),)
