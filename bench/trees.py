"""Trees of source: the one that lies here, a copy of it, or a revision, each in a folder from which it can be run."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import bench
from bench.errors import BenchError, UsageError
from bench.git import GitError, commit_of, git, git_text

PARTS = ("bench", "methods", "tasks")
"""The packages of kdbench: what a tree is made of."""


@dataclass(frozen=True)
class Tree:
    """A folder with the source of kdbench, and what it is for people."""

    folder: Path
    says: str
    """E.g. `main (0123456789ab)`."""
    origin: Path | None = None
    """Of a revision: the checkout, of whose files it has versions of its own."""

    def own(self, file: Path) -> Path:
        """The file as this tree has it: of a revision its own if it lies in the checkout, else the same for all."""
        path = file.resolve()
        if self.origin is None or not path.is_relative_to(self.origin.resolve()):
            return path
        return self.folder / path.relative_to(self.origin.resolve())


def source_root() -> Path:
    """The folder of the source that runs now."""
    return Path(bench.__file__).resolve().parents[1]


def tree_digest(root: Path) -> str:
    """The sha256 over the source of the harness, the methods and the tasks in a folder, committed or not."""
    digest = hashlib.sha256()
    for path in sorted(path for package in PARTS for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def state_of_checkout(root: Path) -> tuple[str | None, bool | None]:
    """The commit of a folder and whether tracked files of the source differ; (None, None) if it is no checkout."""
    try:
        if Path(git_text(root, "rev-parse", "--show-toplevel")) != root.resolve():
            return None, None  # installed into an environment that lies in somebody else's checkout
        commit = git_text(root, "rev-parse", "HEAD")
        changed = git_text(root, "status", "--porcelain", "--untracked-files=no", "--", *PARTS)
    except GitError:
        return None, None
    return commit, bool(changed)


def source_commit(root: Path, revision: str) -> str:
    """The full name of the commit that a revision of the source means."""
    if state_of_checkout(root)[0] is None:
        raise UsageError(f"revision {revision!r}: the source lies in {root}, which is no git checkout with a commit")
    try:
        return commit_of(root, revision)
    except UsageError as error:
        raise UsageError(
            f"{revision!r} is no folder, and {error}: expected a branch, tag or commit that is there (`git fetch` gets "
            "what is not)"
        ) from error


@contextmanager
def checked_out(root: Path, revision: str, folder: Path) -> Iterator[Tree]:
    """A revision of the checkout `root`, as a worktree in `folder`, which is new; it is gone in the end."""
    commit = source_commit(root, revision)
    with _worktree(root, commit, folder):
        absent = [part for part in PARTS if not (folder / part).is_dir()]
        if absent:
            raise UsageError(f"{revision} ({commit[:12]}) has no {' and no '.join(absent)}: it is no kdbench to run")
        yield Tree(folder, named(revision, commit), root)


@contextmanager
def copied(root: Path, folder: Path) -> Iterator[Tree]:
    """The source that lies in `root`, as it is now: what is edited meanwhile does not change what runs.

    In a checkout the copy is a worktree of the same commit, so that records name commit and changes.
    """
    commit, changed = state_of_checkout(root)
    if commit is None:
        _copy(root, folder)
        yield Tree(folder, "the source here")
        return
    with _worktree(root, commit, folder):
        for part in PARTS:
            shutil.rmtree(folder / part, ignore_errors=True)
        _copy(root, folder)
        says = f"the source here ({commit[:12]}{', changed' if changed else ''})"
        yield Tree(folder, says)


def named(revision: str, commit: str) -> str:
    """A revision for people."""
    return commit[:12] if commit.startswith(revision) else f"{revision} ({commit[:12]})"


@contextmanager
def _worktree(root: Path, commit: str, folder: Path) -> Iterator[None]:
    try:
        try:
            # Nobody's hooks: they expect a person's checkout.
            git(root, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--quiet", "--detach", folder, commit)
        except GitError as error:
            raise BenchError(f"{commit[:12]} cannot be checked out into {folder}: {error}") from error
        yield
    finally:
        # Of this one alone (`prune` would forget others, on disks that are away); twice: also one that git has not
        # finished. It fails where there is none.
        with suppress(GitError):
            git(root, "worktree", "remove", "--force", "--force", folder)
        shutil.rmtree(folder, ignore_errors=True)


def _copy(root: Path, folder: Path) -> None:
    for part in PARTS:
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
