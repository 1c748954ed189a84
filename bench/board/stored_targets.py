"""Targets on disk: one immutable file a version, under `results/targets/<task>/<protocol>/<pair>/`.

A target that differs in anything from those that are stored, one more seed included, is a new version. Times to match
different versions are not comparable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.complaints import shown
from bench.errors import StoreError
from bench.identity import canonical, key_of
from bench.record import HUGE
from bench.store import TARGETS, content_of, slug

if TYPE_CHECKING:
    from bench.board.target import Target

NAME = re.compile(r"(.+)\.v([0-9]+)\.json")
"""Of a file: the method and the number of the version."""


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
        self.new: dict[Path, str] = {}
        """What is kept and not yet on disk: file → text."""
        self._known: dict[tuple[Path, str], list[Version]] = {}

    def keep(self, target: Target) -> None:
        """Makes a target that is no version yet the next one."""
        if self.number(target) is None:
            versions = self.versions(target)
            number = max((each.number for each in versions), default=0) + 1
            folder, method = _place(self.root, target)
            self.new[folder / f"{method}.v{number}.json"] = _text(number, target.content)
            versions.append(Version(number, target.value, canonical(target.content)))

    def number(self, target: Target) -> int | None:
        """Of the version that is this target; None before it is kept."""
        same = [each.number for each in self.versions(target) if each.content == canonical(target.content)]
        return same[-1] if same else None

    def versions(self, target: Target) -> list[Version]:
        """All versions for this task, protocol, pair and method, the oldest first; also of other configurations."""
        place = folder, method = _place(self.root, target)
        if place not in self._known:
            names = [(NAME.fullmatch(path.name), path) for path in folder.glob("*.json")]
            found = [_read(path, int(name[2])) for name, path in names if name and name[1] == method]
            self._known[place] = sorted(found, key=lambda version: version.number)
        return self._known[place]

    def damaged(self) -> Iterator[tuple[Path, str]]:
        """The files in the folder that are no stored targets, and why."""
        for path in sorted(self.root.rglob("*.json")):
            name = NAME.fullmatch(path.name)
            try:
                _read(path, int(name[2]) if name else 0)
            except StoreError as error:
                yield path, str(error)


def _place(root: Path, target: Target) -> tuple[Path, str]:
    """The folder of a target, and what its files' names begin with."""
    task, protocol, pair = (target.made_of[part] for part in ("task", "protocol", "pair"))
    names = (task["name"], protocol["name"], f"{pair['teacher']}->{pair['student']}")
    return root.joinpath(*map(slug, names)), slug(target.row.method)


def _text(number: int, content: dict[str, Any]) -> str:
    """The text of a file. Its digest shows later whether anybody changed it."""
    whole = {"version": number, "sha256": key_of(content), **content}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _read(path: Path, number: int) -> Version:
    """One file; one that is not what was stored under its name raises StoreError."""
    try:
        content = json.loads(content_of(path))
        named, digest = content.pop("version"), content.pop("sha256")
        if named != number:
            raise ValueError(f"it says that it is version {named}")
        if digest != key_of(content):
            raise ValueError("it was changed after it was stored")
        if not isinstance(content["value"], int | float) or abs(content["value"]) > HUGE:
            raise ValueError(f"its value is {shown(content['value'])}, expected a number of percent points")
        return Version(number, content["value"], canonical(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        detail = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise StoreError(f"{path} is not a stored target: {detail}. Restore it, or move it away.") from error
