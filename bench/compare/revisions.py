"""The records of a git revision of the repository that we are in: `main`, `HEAD~1` or `v1.0:results/baseline`."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from bench.errors import StoreError, UsageError
from bench.record import Record
from bench.store import Store

FOLDER = "results"
"""Of a revision that names no other."""


def commit_of(name: str) -> str:
    """The commit that a revision names. Raises UsageError, with git's own words, if it names none."""
    revision = name.partition(":")[0]
    try:
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except OSError as error:
        raise UsageError(f"no git revision can be looked up: git cannot be started: {error.strerror}") from error
    commit = found.stdout.decode().strip()
    # git takes `^main` for all that is not in main, and nothing at all for HEAD.
    if found.returncode or not revision or not commit.isalnum():
        said = found.stderr.decode(errors="replace").strip()
        raise UsageError(f"git knows no revision {revision!r} here" + (f" ({said})" if said else ""))
    return commit


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
    kind = _git("cat-file", "-t", f"{commit}:{folder}").stdout.decode().strip()
    if kind != "tree":
        raise UsageError(
            f"revision {name!r} (commit {commit[:12]}) has no folder {folder!r}"
            + (", only a file of this name" if kind else "")
            + ": name one that holds records, as in `main:results/baseline`"
        )
    # From the top: in a subfolder, git would archive that part of the tree alone.
    archive = _git("-C", top(), "archive", "--format=tar", f"{commit}:{folder}")
    if archive.returncode:
        raise StoreError(f"{tree} cannot be read: {archive.stderr.decode(errors='replace').strip()}")
    with tempfile.TemporaryDirectory(prefix="kdbench-") as unpacked:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as members:
                members.extractall(unpacked, filter="data")
            records = [record for _, record in Store(Path(unpacked)).records()]
        except (tarfile.TarError, OSError) as error:
            raise StoreError(f"{tree} cannot be unpacked: {error}") from error
        except StoreError as error:
            raise StoreError(str(error).replace(f"{unpacked}/", f"{tree}/")) from error
    if not records:
        raise StoreError(f"{tree} holds no records: name a folder that does, as in `main:results/baseline`")
    return records


def top() -> str:
    """The folder of the checkout that we are in."""
    return _git("rev-parse", "--show-toplevel").stdout.decode().rstrip("\n") or "."


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], capture_output=True, check=False)
