"""Targets on disk: one immutable file a version, under `results/targets/<task>/<protocol>/<pair>/`.

A target that differs in anything from those that are stored, one more seed included, is a new version. Times to match
different versions are not comparable.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.board.target import Target
from bench.errors import StoreError
from bench.identity import canonical
from bench.store import TARGETS, slug


@dataclass(frozen=True)
class Version:
    """One file."""

    number: int
    value: float
    """τ, in percent points."""
    content: str
    """Canonical JSON of all that the target is."""


class StoredTargets:
    """The targets of one results folder."""

    def __init__(self, results: Path) -> None:
        self.root = results / TARGETS
        self._read: dict[tuple[Path, str], list[Version]] = {}

    def versions(self, target: Target) -> list[Version]:
        """All versions for this task, protocol, pair and method, the oldest first; also of other configurations."""
        place = (self._folder(target), _method(target))
        if place not in self._read:
            folder, method = place
            names = [(re.fullmatch(r"(.+)\.v([0-9]+)\.json", path.name), path) for path in folder.glob("*.json")]
            found = [_read(path, int(name[2])) for name, path in names if name and name[1] == method]
            self._read[place] = sorted(found, key=lambda version: version.number)
        return self._read[place]

    def version(self, target: Target) -> int | None:
        """The number of the version that is this target; None if it is not stored."""
        same = [each.number for each in self.versions(target) if each.content == canonical(target.content)]
        return same[-1] if same else None

    def number(self, target: Target) -> int:
        """The number that the target has, or will have once it is stored."""
        known = self.version(target)
        return max((each.number for each in self.versions(target)), default=0) + 1 if known is None else known

    def next_file(self, target: Target) -> tuple[Path, str]:
        """Where the target belongs as the next version, and the file's text."""
        number = self.number(target)
        text = json.dumps({"version": number, **target.content}, indent=1, ensure_ascii=False, sort_keys=True)
        return self._folder(target) / f"{_method(target)}.v{number}.json", f"{text}\n"

    def _folder(self, target: Target) -> Path:
        task, protocol, pair = (target.made_of[part] for part in ("task", "protocol", "pair"))
        names = (task["name"], protocol["name"], f"{pair['teacher']}->{pair['student']}")
        return self.root.joinpath(*map(slug, names))


def read_target(path: Path) -> dict[str, Any]:
    """One stored target; a file that is not one raises StoreError."""
    try:
        content = json.loads(path.read_bytes())
        missing = [name for name in ("version", "value", "configuration", "by_seed") if name not in content]
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is not a stored target: {error}. Restore it, or move it away.") from error
    if missing:
        raise StoreError(f"{path} is not a stored target: it lacks {', '.join(missing)}. Restore it, or move it away.")
    return content


def _read(path: Path, number: int) -> Version:
    content = read_target(path)
    if content.pop("version") != number:
        raise StoreError(f"{path} is not version {number}, as its name says. Restore it, or move it away.")
    return Version(number, content["value"], canonical(content))


def _method(target: Target) -> str:
    return slug(target.row.method)
