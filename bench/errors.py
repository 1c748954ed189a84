"""Errors that a user can mend. Their text names the value, what was expected and what to do."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager


class BenchError(Exception):
    """The base of every error that is shown without a traceback."""

    exit_code = 1


class UsageError(BenchError):
    """A wrong name or a wrong argument. Nothing has run."""

    exit_code = 2


class DataError(BenchError):
    """Data that are missing or corrupt."""


class TeacherError(BenchError):
    """A teacher file that cannot be used."""


class ExecutorError(BenchError):
    """Cells cannot be run as was asked."""


class UnmadeTeacherError(TeacherError):
    """A teacher whose training fails: the cells that need it have nothing to learn from, all others have."""


class StoreError(BenchError):
    """A results folder that cannot be read or written."""


@contextmanager
def blamed(plugin: str) -> Iterator[None]:
    """Turns whatever a plugin raises inside into a UsageError that names it and the place."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            f"{plugin} raised {type(error).__name__} at {place.filename}, line {place.lineno}: {error}"
        ) from error


MOST_NAMES = 40
"""That an error lists."""


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The names by commas, or the first ones and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> UsageError:
    """The error for a name that does not exist: with the nearest names, or with the known ones if none is near."""
    names = sorted(known)
    same = [each for each in names if each.lower() == name.lower()]
    near = same or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        advice = "did you mean " + " or ".join(near) + "?"
    else:
        advice = f"known: {listed(names) or 'none'}"
    return UsageError(f"unknown {kind} {name!r}: {advice}" + (f" {hint}" if hint else ""))
