"""results/ on disk: one file a record, under `<machine>/<task>/<protocol>/<pair>/`.

Names carry the key and whether the cell failed, so what is done is known without opening a file. So is whether a record
is still the one that was seen: a file that takes another's place has another inode number.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from bench.claims import Claims
from bench.complaints import Complaint, complaints, other_schema
from bench.errors import StoreError
from bench.names import Named, Names
from bench.record import Record
from bench.soundness import unsound

DONE, FAILED = ".json", ".failed.json"
Mark = tuple[int, int]
"""What a cell has on disk: the inode numbers of its record and of its failure, 0 where there is none."""
TARGETS = "targets"
LOGS = "logs"
BASELINE = "baseline"
BESIDE = (TARGETS, LOGS, BASELINE)
"""The folders beside the machines' records: of `bench.board.stored_targets`, `bench.executors.log` and
`bench.baseline`."""
MOST_BYTES = 2**25
"""Of a file that is read: a hundred times what a record of 100,000 test items takes."""
R = TypeVar("R", bound=Record)


class Store:
    """The records of one results folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.claims = Claims(root)

    def folder(self, machine: str, cell: Named) -> Path:
        """Where the records of this cell's task, protocol and pair belong."""
        return self.root.joinpath(machine, *map(slug, cell.names.folder))

    def path(self, machine: str, cell: Named, failed: bool = False) -> Path:
        """Where the record of this cell belongs."""
        return self.folder(machine, cell) / (_stem(cell.names) + (FAILED if failed else DONE))

    def mark(self, machine: str, cell: Named) -> Mark:
        """What this cell has on disk now."""
        return inode(self.path(machine, cell)), inode(self.path(machine, cell, failed=True))

    def marks(self, machine: str, cells: Iterable[Named]) -> list[Mark]:
        """What each of the cells has on disk: every folder is listed once, no file is opened."""
        folders: dict[tuple[str, str, str], dict[str, int]] = {}
        marks: list[Mark] = []
        for cell in cells:
            names = cell.names
            if names.folder not in folders:
                folders[names.folder] = inodes(self.folder(machine, cell))
            found, stem = folders[names.folder], _stem(names)
            marks.append((found.get(stem + DONE, 0), found.get(stem + FAILED, 0)))
        return marks

    def finished(self, machine: str, cell: Named) -> dict[str, list[str]]:
        """The names of the records of this cell's task, protocol and pair, in order, by method (its `slug`)."""
        methods: dict[str, list[str]] = {}
        for name in sorted(inodes(self.folder(machine, cell))):
            method, *rest = name.rsplit("-", 2)
            if len(rest) == 2 and name.endswith(DONE) and not name.endswith(FAILED) and not name.startswith("."):
                methods.setdefault(method, []).append(name)
        return methods

    def check_writable(self, machine: str, cells: Iterable[Named]) -> None:
        """Raises StoreError, before anything runs, if records could not be written: in general, and of these cells."""
        folder = self.root
        folders = {cell.names.folder: cell for cell in cells}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            nearests = {nearest(self.folder(machine, cell)): None for cell in folders.values()}
            for folder in {self.root: None} | nearests:
                with tempfile.TemporaryFile(dir=folder):  # without a name: a run that is killed leaves none
                    pass
        except OSError as error:
            raise StoreError(
                f"results folder {folder} cannot be written: {error.strerror or error}. "
                "Name another one with --results."
            ) from error

    def write(self, record: Record) -> Path:
        """Writes a record whole or not at all. A success replaces an earlier failure of the same cell."""
        path = self.path(record.machine, record, failed=not record.ok)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, record.to_json())
            if record.ok:
                self.path(record.machine, record, failed=True).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"record {path} cannot be written: {error.strerror or error}") from error
        return path

    def paths(self) -> list[Path]:
        """The files of all records, in a fixed order."""
        # Sorting and globbing paths takes ten times as long as sorting and walking names.
        names = []
        for folder, folders, files in os.walk(self.root, onerror=_refuse):
            apart = BESIDE if folder == str(self.root) else ()
            folders[:] = [each for each in folders if each not in apart and not each.startswith(".")]
            names += [os.path.join(folder, name) for name in files]
        return [
            Path(name)
            for name in sorted(names)
            if name.endswith(".json") and not os.path.basename(name).startswith(".")
        ]

    def records(self, kind: type[R] = Record) -> Iterator[tuple[Path, R]]:
        """All records, in a fixed order. One that cannot be read raises StoreError with its path.

        kind: a form of the record that leaves out what the reader does not need.
        """
        for path in self.paths():
            yield path, read(path, kind)

    def find(self, cell: str) -> tuple[Path, Record]:
        """The record of a cell given as a path or as the first digits of its key."""
        if Path(cell).is_file():
            return Path(cell), read(Path(cell))
        if not re.fullmatch(r"[0-9a-f]{4,64}", cell):
            raise StoreError(f"cell {cell!r} is neither a file nor the first digits (4 or more) of a key")
        found = [path for path in self.paths() if _key_in_name(path).startswith(cell[:12])]
        found = [
            (path, record) for path, record in ((path, read(path)) for path in found) if record.key.startswith(cell)
        ]
        if len(found) != 1:
            names = ", ".join(str(path) for path, _ in found)
            raise StoreError(
                f"no record in {self.root} has a key that starts with {cell!r}: see `python -m bench export`"
                if not found
                else f"{len(found)} records have a key that starts with {cell!r}: {names}"
            )
        return found[0]


def relative_path(names: Names) -> str:
    """Where the record of these names belongs, in the folder of its machine."""
    return "/".join((*map(slug, names.folder), _stem(names) + DONE))


def state_of(mark: Mark) -> str:
    """`done`, `failed` or `missing`."""
    done, failed = mark
    return "done" if done else "failed" if failed else "missing"


def inode(path: Path) -> int:
    """The inode number of a file, of a link its own; 0 if there is none."""
    try:
        return path.lstat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error


def inodes(folder: Path) -> dict[str, int]:
    """The names in a folder and their inode numbers; none if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.inode() for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise StoreError(f"results folder {folder} cannot be read: {error.strerror or error}") from error
    # Some file systems, of those that a program serves, list names with numbers that are not the files'.
    if any(found[name] != inode(folder / name) for name in list(found)[:1]):
        return {name: inode(folder / name) for name in found}
    return found


def nearest(folder: Path) -> Path:
    """The folder, or the first above it that exists."""
    return folder if folder.exists() else nearest(folder.parent)


def read(path: Path, kind: type[R] = Record) -> R:
    """One record; a file that is not one, or is of another schema version, raises StoreError."""
    content = content_of(path)
    try:
        record = kind.model_validate_json(content, strict=True)
    except ValidationError as error:
        if other := other_schema(content):
            raise StoreError(f"{path} {other}") from error
        raise _no_record(path, complaints(content, error)) from error
    if wrong := unsound(record):
        raise _no_record(path, wrong)
    return record


def content_of(path: Path) -> bytes:
    """The bytes of a file. One that cannot be read, is no plain file or is far too large raises StoreError."""
    try:
        # Asked first: a pipe would be waited for, for ever, and a device never ends.
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path} cannot be read: it is not a file. Move it away.")
        if found.st_size > MOST_BYTES:
            raise StoreError(
                f"{path} cannot be read: it has {found.st_size:,} bytes, expected at most {MOST_BYTES:,}. Move it away."
            )
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error


def replaced(path: Path) -> AbstractContextManager[BinaryIO]:
    """A file to write that takes the place of `path` at the end: readers see the old content or the new, no part."""
    return _beside(path, os.replace)


def write_whole(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    with replaced(path) as file:
        file.write(text.encode())


def unfinished(folder: Path) -> list[Path]:
    """The files in a folder that somebody is writing, or was killed while it wrote them."""
    try:
        return [folder / name for name in os.listdir(folder) if name.startswith(".")]
    except FileNotFoundError:
        return []


def clear_unfinished(found: list[Path], *names: str) -> None:
    """Removes those of the files that were to become files of these names. No other may write them now."""
    begin = tuple(f".{name[:100]}." for name in names)
    for path in found:
        if path.name.startswith(begin):
            path.unlink(missing_ok=True)


def failed_name(name: str) -> str:
    """The name of a cell's failure, from that of its record."""
    return name.removesuffix(DONE) + FAILED


def write_new(path: Path, text: str) -> None:
    """Writes a text file whole, or raises StoreError if there is one: what others read is never changed."""
    with _beside(path, os.link) as file:
        file.write(text.encode())


@contextmanager
def _beside(path: Path, put: Callable[[str, Path], None]) -> Iterator[BinaryIO]:
    """A file to write beside `path`, which `put` gives its name once it is whole and on the disk."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        put(temporary, path)
    except FileExistsError as error:
        raise StoreError(f"{path} was written by somebody else in the meantime: give the same command again") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


@lru_cache(maxsize=1024)
def slug(name: str) -> str:
    """A name as one path component: letters, digits, `.`, `_`, `-` and `+`, never hidden, never too long."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", name.replace("->", "-to-")).lstrip(".")[:120] or "_"


def _stem(names: Names) -> str:
    return f"{slug(names.method)}-s{names.seed}-{names.key[:12]}"


def _no_record(path: Path, wrong: list[Complaint]) -> StoreError:
    detail = "; ".join(f"{field}: {text}" for field, text in wrong[:3])
    return StoreError(f"{path} is not a record: {detail}. Move it away, or restore it.")


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed is said, not left out; one that is not there has no records."""
    if not isinstance(error, FileNotFoundError):
        raise StoreError(f"{error.filename} cannot be read: {error.strerror or error}") from error


def _key_in_name(path: Path) -> str:
    return path.name.removesuffix(FAILED).removesuffix(".json").rpartition("-")[2]
