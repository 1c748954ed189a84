"""Claims: who does what in a results folder. A claim is a lock of the system, and ends with its process in any case.

All claims of a folder are bytes of one empty file, each at the place that its name hashes to, locked as POSIX defines
it: on a shared file system too, and not passed on to a process that a plugin forks.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError

FILE = ".claims"
BUSY = (errno.EACCES, errno.EAGAIN)

_open: dict[Path, int] = {}
"""The system drops all of a process's locks on a file when it closes any of its descriptors: each is opened once."""


class Claims:
    """The claims of one results folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, name: str) -> bool:
        """Whether this process has the claim now; False: another process has it."""
        return self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self, name: str) -> None:
        """Gives a claim back."""
        self._lock(name, fcntl.LOCK_UN)

    def free(self, name: str) -> bool:
        """Whether no other process has the claim. Not for a process that has it itself."""
        taken = self.take(name)
        if taken:
            self.release(name)
        return taken

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Waits until the claim is free; inside, it is this process's."""
        self._lock(name, fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.release(name)

    def _lock(self, name: str, how: int) -> bool:
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
        path = self._folder.resolve() / FILE
        try:
            fcntl.lockf(_descriptor(path), how, 1, place)
        except OSError as error:
            if error.errno in BUSY:
                return False
            raise StoreError(
                f"{path} cannot be locked: {error.strerror or error}. Runs share a results folder by locks of the file "
                "system: name a folder with --results that can be written and has them"
            ) from error
        return True


def _descriptor(path: Path) -> int:
    """The open file; opened anew where somebody has removed it."""
    descriptor = _open.get(path)
    if descriptor is None or not os.fstat(descriptor).st_nlink:
        path.parent.mkdir(parents=True, exist_ok=True)
        _open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if descriptor is not None:
            os.close(descriptor)
        descriptor = _open[path]
    return descriptor
