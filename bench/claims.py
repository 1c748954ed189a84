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
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import StoreError

FILE = ".claims"
BUSY = (errno.EACCES, errno.EAGAIN)
NAME_ANOTHER = (
    "Runs share a results folder by locks of the file system: name a folder with --results that can be written and "
    "has them"
)


@dataclass
class File:
    """A file of claims that this process has open."""

    descriptor: int
    held: set[int] = field(default_factory=set)
    """The places that this process has locked: to itself, the system would give them again."""


_open: dict[Path, File] = {}
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
        """Whether no process has the claim, this one included."""
        if _place(name) in self._file().held:
            return False
        taken = self.take(name)
        if taken:
            self.release(name)
        return taken

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Waits until the claim is free; inside, it is this process's."""
        if not self._lock(name, fcntl.LOCK_EX):
            raise StoreError(f"the file system does not wait for locks of {self._path}: {NAME_ANOTHER}")
        try:
            yield
        finally:
            self.release(name)

    def _lock(self, name: str, how: int) -> bool:
        place, file = _place(name), self._file()
        try:
            fcntl.lockf(file.descriptor, how, 1, place)
        except OSError as error:
            if error.errno in BUSY:
                return False
            raise StoreError(f"{self._path} cannot be locked: {error.strerror or error}. {NAME_ANOTHER}") from error
        if how == fcntl.LOCK_UN:
            file.held.discard(place)
        else:
            file.held.add(place)
        return True

    @property
    def _path(self) -> Path:
        return self._folder.resolve() / FILE

    def _file(self) -> File:
        """The open file; opened anew, with no claim held, where somebody has removed it."""
        path = self._path
        file = _open.get(path)
        try:
            if file and os.fstat(file.descriptor).st_nlink:
                return file
            path.parent.mkdir(parents=True, exist_ok=True)
            _open[path] = File(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        except OSError as error:
            # Apart from locking: "permission denied" is here no sign that another process has a claim.
            raise StoreError(f"{path} cannot be opened: {error.strerror or error}. {NAME_ANOTHER}") from error
        if file:
            os.close(file.descriptor)
        return _open[path]


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")


def _forked() -> None:
    """A child has the open files of its parent, and none of its locks."""
    for file in _open.values():
        file.held.clear()


os.register_at_fork(after_in_child=_forked)
