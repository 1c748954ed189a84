"""Small git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

WHO = ("-c", "user.name=A test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """What git prints there; what it refuses is an error."""
    return subprocess.run(
        ["git", "-C", str(folder), *WHO, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, message: str = "A state") -> str:
    """Commits everything in the folder, which becomes a repository if it is none; gives the commit's name."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def worktrees(folder: Path) -> int:
    """How many the repository has, itself included."""
    return git(folder, "worktree", "list", "--porcelain").count("worktree ")
