"""git: what it says of a checkout and its revisions."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.errors import BenchError, UsageError

OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What git sets while it runs a hook: it would be taken for another checkout's."""


class GitError(BenchError):
    """git cannot do what it was asked to, in its own words; or it is not there."""


def git(folder: Path, *arguments: str | Path) -> bytes:
    """What git prints in a folder."""
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, check=False, env=environment_without_hook()
        )
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}") from error
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def git_text(folder: Path, *arguments: str) -> str:
    """The same as text, without the end of its last line."""
    return os.fsdecode(git(folder, *arguments)).rstrip("\n")


def commit_of(folder: Path, revision: str) -> str:
    """The full name of the commit that a revision means. Raises UsageError, with git's own words, if it means none."""
    said, commit = "", ""
    try:
        commit = git_text(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError as error:
        said = f" ({error})" if str(error) else ""
    # git takes `^main` for all that is not in main, and nothing at all for HEAD.
    if not revision or not commit.isalnum():
        raise UsageError(f"git knows no revision {revision!r} in {folder.absolute()}{said}")
    return commit


def environment_without_hook() -> dict[str, str]:
    """The variables of this process, without those that git sets for a hook."""
    return {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
