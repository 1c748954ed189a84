"""The folder of a report: written beside its place, moved there when it is whole. Only a report is ever replaced."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError

MARK = "made-by-kdbench.txt"
"""The file that says that a folder is a report."""
PARTS = frozenset({MARK, "index.html", "assets", "data"})


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `path` at the end: readers see the old report or the new.

    Raises StoreError if something else than a report, or an empty folder, is there, or if it cannot be written.
    """
    _check(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:100]}."))
        new, old = temporary / "new", temporary / "old"
        new.mkdir()
        yield new
        (new / MARK).write_text("A report of `python -m bench report`. The next one replaces the whole folder.\n")
        if path.exists():
            path.rename(old)
        try:
            new.rename(path)
        except BaseException:
            if old.exists():
                old.rename(path)
            raise
    except shutil.Error as error:  # of many files at once
        _, _, reason = error.args[0][0]
        raise StoreError(f"report {path} cannot be written: {reason}") from error
    except OSError as error:
        raise StoreError(f"report {path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _check(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise StoreError(f"{path} is not a folder: name another place for the report with --output")
    found = {each.name for each in path.iterdir()}
    if found and (MARK not in found or found - PARTS):
        other = ", ".join(sorted(found - PARTS)[:3]) or "no mark of a report"
        raise StoreError(
            f"{path} is not a report ({other} in it) and is left as it is: name another folder with --output"
        )
