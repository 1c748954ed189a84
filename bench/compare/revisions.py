"""The records of a git revision of the repository that we are in: `main`, `HEAD~1` or `v1.0:results/baseline`."""

from __future__ import annotations

import io
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

from bench.errors import StoreError, UsageError
from bench.git import GitError, git, git_text
from bench.record import Record
from bench.store import Store

HERE = Path()
FOLDER = "results"
"""Of a revision that names no other."""


def tree_of(name: str) -> str:
    """`REVISION:FOLDER`, as git takes it."""
    revision, colon, folder = name.partition(":")
    return f"{revision}:{folder if colon else FOLDER}"


def records_at(name: str, commit: str) -> list[Record]:
    """The records in a folder of a commit, in a fixed order. One that cannot be read raises StoreError with its path.

    name: as the user wrote it, `REVISION` or `REVISION:FOLDER`.
    """
    tree = tree_of(name)
    folder = tree.partition(":")[2]
    kind = ""
    with suppress(GitError):
        kind = git_text(HERE, "cat-file", "-t", f"{commit}:{folder}")
    if kind != "tree":
        raise UsageError(
            f"revision {name!r} (commit {commit[:12]}) has no folder {folder!r}"
            + (", only a file of this name" if kind else "")
            + ": name one that holds records, as in `main:results/baseline`"
        )
    try:
        # From the top: in a subfolder, git would archive that part of the tree alone.
        archive = git(top(), "archive", "--format=tar", f"{commit}:{folder}")
    except GitError as error:
        raise StoreError(f"{tree} cannot be read: {error}") from error
    with tempfile.TemporaryDirectory(prefix="kdbench-") as unpacked:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as members:
                members.extractall(unpacked, filter="data")
            records = [record for _, record in Store(Path(unpacked)).records()]
        except (tarfile.TarError, OSError) as error:
            raise StoreError(f"{tree} cannot be unpacked: {error}") from error
        except StoreError as error:
            raise StoreError(str(error).replace(f"{unpacked}/", f"{tree}/")) from error
    if not records:
        raise StoreError(f"{tree} holds no records: name a folder that does, as in `main:results/baseline`")
    return records


def top() -> Path:
    """The folder of the checkout that we are in; a bare repository has none, and can be asked from anywhere."""
    try:
        return Path(git_text(HERE, "rev-parse", "--show-toplevel"))
    except GitError:
        return HERE
