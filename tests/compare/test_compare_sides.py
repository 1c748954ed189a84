"""BASE and HEAD: folders, files and git revisions, and what is said of names that are none of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import checkouts
import pytest
from checkouts import git
from records import consistent, failure

from bench.compare.sides import Side, read_side
from bench.errors import StoreError, UsageError
from bench.store import Store


def commit(folder: Path, name: str) -> None:
    checkouts.commit(folder, name)
    git(folder, "tag", name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository: `empty` has no results, `one` has a record, `two` has two and a baseline of one."""
    root = tmp_path_factory.mktemp("repository")
    (root / "README").write_text("text")
    commit(root, "empty")
    store = Store(root / "results")
    store.write(consistent("kd", 0))
    commit(root, "one")
    store.write(consistent("kd", 1))
    Store(root / "reference" / "baseline").write(consistent("sp", 0))
    commit(root, "two")
    store.write(consistent("kd", 2))
    return root


@pytest.fixture
def repository(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which we are."""
    root = tmp_path / "repository"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    return root


def cells(side: Side) -> list[tuple[str, int]]:
    return sorted((record.cell.method.name, record.cell.seed) for record in side.records)


def test_a_folder_holds_its_records_and_its_root_takes_new_ones(repository: Path) -> None:
    assert cells(side := read_side("results")) == [("kd", 0), ("kd", 1), ("kd", 2)]
    assert (side.where, side.unpack, side.benchmarks) == ("results", "", ())
    below = next(path for path in (repository / "results").glob("*/*") if path.is_dir())
    assert cells(side := read_side(str(below.relative_to(repository)))) == cells(read_side("results"))
    assert side.where == "results"
    assert read_side(str(below)).where == str(repository / "results")


def test_the_root_is_found_from_inside_of_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "results")
    assert read_side("cpu-2c-8g/cifar100").where == "."
    monkeypatch.chdir(repository / "results" / "cpu-2c-8g")
    assert read_side("cifar100").where == ".."


def test_records_that_lie_elsewhere_take_new_ones_beside_them(repository: Path) -> None:
    Path("loose").mkdir()
    Path("loose/mine.json").write_text(consistent("kd", 0).to_json())
    assert read_side("loose").where == "loose"
    assert read_side("loose/mine.json").where == "loose"


def test_a_file_is_one_record(repository: Path) -> None:
    path = Store(Path("results")).path("cpu-2c-8g", consistent("kd", 1))
    side = read_side(str(path))
    assert (cells(side), side.where) == ([("kd", 1)], "results")


def test_a_failed_cell_is_a_record_too(tmp_path: Path) -> None:
    Store(tmp_path).write(failure("kd", 0))
    [record] = read_side(str(tmp_path)).records
    assert not record.ok


def test_a_revision_means_its_results(repository: Path) -> None:
    assert cells(read_side("one")) == [("kd", 0)]
    assert cells(read_side("two")) == [("kd", 0), ("kd", 1)]
    assert cells(read_side("HEAD")) == cells(read_side("HEAD~0")) == cells(read_side("two"))
    assert cells(read_side("HEAD~1")) == cells(read_side(git(repository, "rev-parse", "one")[:10])) == [("kd", 0)]


def test_a_revision_may_name_another_folder(repository: Path) -> None:
    assert cells(read_side("two:reference/baseline")) == [("sp", 0)]
    assert cells(read_side("two:reference/baseline/")) == [("sp", 0)]


@pytest.mark.parametrize("name", ["one", "HEAD~1", "two:reference/baseline"])
def test_the_command_that_unpacks_a_revision_makes_the_folder_that_is_named(repository: Path, name: str) -> None:
    side = read_side(name)
    subprocess.run(side.unpack, shell=True, check=True)
    folder = read_side(side.where)
    assert cells(folder) == cells(side)
    assert folder.where == side.where


def test_a_folder_or_a_file_wins_over_a_revision_of_its_name(repository: Path) -> None:
    shutil.copytree("results", "one")
    assert len(read_side("one").records) == 3
    Path("empty").write_text(consistent("dml", 4).to_json())
    assert cells(read_side("empty")) == [("dml", 4)]


def test_nothing_is_left_of_a_revision_and_nothing_here_changes(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scratch := tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = git(repository, "status", "--porcelain")
    read_side("one")
    assert list(scratch.iterdir()) == []
    assert git(repository, "status", "--porcelain") == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "resluts",
            r"'resluts' is neither a file nor a folder, and git knows no revision 'resluts' in /.*: expected a fo",
        ),
        ("results/none", "is neither a file nor a folder"),
        ("nothing:results", "git knows no revision 'nothing'"),
        ("", "'' is neither a file nor a folder"),
        (":results", "git knows no revision ''"),
        ("^one", r"git knows no revision '\^one'"),
        ("one..two", r"git knows no revision 'one\.\.two'"),
        ("-x", "git knows no revision '-x'"),
        ("empty", r"revision 'empty' \(commit [0-9a-f]{12}\) has no folder 'results': name one"),
        ("one:reference/baseline", "has no folder 'reference/baseline'"),
        ("one:README", "has no folder 'README', only a file of this name"),
    ],
)
def test_a_name_that_means_nothing_is_a_usage_error_that_says_what_was_expected(
    repository: Path, name: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_side(name)


def test_outside_of_a_repository_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match=r"git knows no revision 'main' in /.*not a git repository"):
        read_side("main")


def test_a_bare_repository_has_revisions_too(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), "bare.git")
    monkeypatch.chdir(tmp_path / "bare.git")
    assert cells(read_side("two")) == [("kd", 0), ("kd", 1)]


def test_without_git_a_revision_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git cannot be started: No such file"):
        read_side("main")


def test_a_folder_without_records_is_an_error(repository: Path) -> None:
    Path("bare").mkdir()
    with pytest.raises(StoreError, match="folder bare holds no records"):
        read_side("bare")
    Path("bare/README").write_text("text")
    commit(repository, "bare")
    with pytest.raises(StoreError, match="bare:bare holds no records"):
        read_side("bare:bare")


def test_a_damaged_record_is_named_by_its_path(repository: Path) -> None:
    path = Store(Path("results")).path("cpu-2c-8g", consistent("kd", 0))
    path.write_bytes(path.read_bytes()[:400])
    for name in ("results", str(path)):
        with pytest.raises(StoreError, match=f"{path} is not a record"):
            read_side(name)
    commit(repository, "damaged")
    with pytest.raises(StoreError, match=f"^damaged:{path} is not a record"):
        read_side("damaged")


@pytest.mark.parametrize("text", ["", "{", "[1]", '"benchmarks"', "[" * 100_000, "{}"])
def test_a_file_that_is_neither_a_record_nor_of_benchmarks_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(StoreError, match=f"{path} is not a record"):
        read_side(str(path))


def test_what_is_no_plain_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone.json").symlink_to(tmp_path / "absent")
    with pytest.raises(StoreError, match=r"gone\.json cannot be read"):
        read_side(str(tmp_path / "gone.json"))


def test_a_file_of_benchmarks_is_told_from_a_record(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    entry = {"fullname": "a::b", "extra_info": {"ratios": [1.5, 1.25]}, "stats": {"mean": 1.0}}
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": [entry]}))
    side = read_side(str(path))
    assert (side.records, [run.ratios for run in side.benchmarks]) == ([], [(1.5, 1.25)])
    assert str(side) == f"{path}: 1 benchmarks"


def test_a_side_says_what_it_holds(repository: Path) -> None:
    assert str(read_side("results")) == "results: 3 records of commit cccccccccccc"
    assert str(Side("none", [])) == "none: nothing"
