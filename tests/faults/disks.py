"""Disks that fail: small ones that are full, files that may not grow, folders that are read-only."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SHORT = 100
"""Bytes that a file may have on a disk that takes no more."""


@contextmanager
def no_file_grows() -> Iterator[None]:
    """Every write beyond SHORT bytes fails in the kernel, as on a full disk, after a part was written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The disk of the folder has no byte left."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 2**16
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    try:
        yield
    finally:
        filler.unlink()


def mounted(folder: Path, *options: str) -> bool:
    """Whether a file system in memory could be mounted there."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", os.fspath(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def unmount(folder: Path) -> None:
    subprocess.run(["umount", os.fspath(folder)], check=True, capture_output=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be written. Root is stopped by no permission: for root the folder is a mount."""
    if os.geteuid() == 0:
        remount(folder, "ro")
        try:
            yield
        finally:
            remount(folder, "rw")
        return
    folders = [Path(each) for each, _, _ in os.walk(folder)]
    for each in folders:
        each.chmod(0o555)
    try:
        yield
    finally:
        for each in folders:
            each.chmod(0o755)


def remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", os.fspath(folder)], check=True, capture_output=True)


def files(folder: Path) -> dict[Path, bytes]:
    """Every file below, hidden ones too, with what it holds."""
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return {path: path.read_bytes() for path in found if path.name != "filler"}


def disk(request: pytest.FixtureRequest, folder: Path, size: str) -> Path:
    """A file system of its own, for as long as the test; the test is skipped where none can be mounted."""
    folder.mkdir()
    if not mounted(folder, f"size={size}"):
        pytest.skip("mounting a file system is not permitted here")
    request.addfinalizer(lambda: unmount(folder))
    return folder
