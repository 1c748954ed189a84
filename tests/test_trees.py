"""Trees of source: what was committed, and what lies here."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkouts import commit, git, worktrees

from bench.errors import UsageError
from bench.trees import PARTS, checked_out, copied, source_commit, source_root, state_of_checkout, tree_digest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three packages of one file each, not committed."""
    root = tmp_path / "source"
    for part in PARTS:
        (root / part).mkdir(parents=True)
        (root / part / "one.py").write_text("committed")
    return root


@pytest.fixture
def checkout(source: Path) -> Path:
    """The same, committed."""
    commit(source)
    return source


def test_a_revision_is_there_as_it_was_committed_and_goes_again(checkout, tmp_path):
    name = git(checkout, "rev-parse", "HEAD")
    (checkout / "bench" / "one.py").write_text("changed")
    with checked_out(checkout, "main", tmp_path / "base") as tree:
        assert (tree.folder / "bench" / "one.py").read_text() == "committed"
        assert state_of_checkout(tree.folder) == (name, False)
        assert tree.says == f"main ({name[:12]})"
        assert worktrees(checkout) == 2
    assert worktrees(checkout) == 1
    assert not (tmp_path / "base").exists()
    assert (checkout / "bench" / "one.py").read_text() == "changed"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_worktree_goes_whatever_happens(checkout, tmp_path, error):
    with pytest.raises(error), checked_out(checkout, "HEAD", tmp_path / "base"):
        raise error
    with pytest.raises(error), copied(checkout, tmp_path / "head"):
        raise error
    assert worktrees(checkout) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_worktrees_of_others_stay_even_if_their_disk_is_away(checkout, tmp_path):
    git(checkout, "worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
    (tmp_path / "other").rename(tmp_path / "away")
    with checked_out(checkout, "HEAD", tmp_path / "base"):
        pass
    assert worktrees(checkout) == 2


def test_a_copy_has_the_changes_of_its_moment(checkout, tmp_path):
    name = git(checkout, "rev-parse", "HEAD")
    (checkout / "bench" / "one.py").write_text("changed")
    (checkout / "methods" / "new.py").write_text("not yet committed")
    (checkout / "tasks" / "one.py").unlink()
    before = tree_digest(checkout)
    with copied(checkout, tmp_path / "head") as tree:
        (checkout / "bench" / "one.py").write_text("edited meanwhile")
        assert tree_digest(tree.folder) == before != tree_digest(checkout)
        assert not (tree.folder / "tasks" / "one.py").exists()
        assert state_of_checkout(tree.folder) == (name, True)
        assert tree.says == f"the source here ({name[:12]}, changed)"
    assert worktrees(checkout) == 1


def test_source_that_is_no_checkout_is_copied_and_has_no_revisions(source, tmp_path):
    with copied(source, tmp_path / "head") as tree:
        assert tree_digest(tree.folder) == tree_digest(source)
        assert tree.says == "the source here"
    with pytest.raises(UsageError, match="is no git checkout with a commit"):
        source_commit(source, "main")


@pytest.mark.parametrize("name", ["absent", "", "--help", "main:bench", "0123456789"])
def test_a_name_that_is_no_revision_says_what_was_expected(checkout, tmp_path, name):
    with pytest.raises(UsageError, match="is no folder, and git knows no revision"):
        source_commit(checkout, name)
    with pytest.raises(UsageError), checked_out(checkout, name, tmp_path / "base"):
        pass


def test_a_revision_without_the_packages_is_refused(checkout, tmp_path):
    git(checkout, "rm", "-r", "--quiet", "tasks")
    commit(checkout)
    with pytest.raises(UsageError, match="has no tasks"), checked_out(checkout, "main", tmp_path / "base"):
        pass
    assert worktrees(checkout) == 1


def test_hooks_neither_run_nor_mislead(checkout, tmp_path, monkeypatch):
    hook = checkout / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "an index of another checkout"))
    with checked_out(checkout, "main", tmp_path / "base") as tree:
        assert (tree.folder / "bench" / "one.py").exists()
    assert not (tmp_path / "ran").exists()


def test_a_revision_has_its_own_version_of_a_file_in_the_checkout(checkout, tmp_path):
    inside, outside = checkout / "methods" / "one.py", tmp_path / "plugin.py"
    with checked_out(checkout, "main", tmp_path / "base") as tree:
        assert tree.own(inside) == tree.folder / "methods" / "one.py"
        assert tree.own(outside) == outside
    with copied(checkout, tmp_path / "head") as tree:
        assert tree.own(inside) == inside


def test_the_source_that_runs_is_this_one():
    assert source_root() == Path(__file__).parents[1]
