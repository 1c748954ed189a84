"""Targets on disk: versions that never change, and whoever changes one is told."""

import json

import pytest
from records import protocol, record
from small_boards import PKD, analysis, board, golden, pkd

from bench.board.stored_targets import StoredTargets
from bench.cli.main import main
from bench.errors import StoreError
from bench.store import Store

FOLDER = "results/targets/cifar100/fair/resnet56-to-resnet20"
ONE_MORE = [*pkd(), record("pkd", 5, select=PKD[0])]
OTHER_TEACHER = {"teacher": "d" * 64, "teacher_key": "e" * 64}


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def written(made, root):
    """The board's text, after it is written."""
    found = board(made, root)
    found.write()
    assert board(made, root).differences() == ""
    return found.text


def test_a_target_is_stored_with_its_values_configuration_and_version(tmp_path):
    written(pkd(), tmp_path)
    content = json.loads((tmp_path / FOLDER / "pkd.v1.json").read_text())
    target = analysis(*pkd()).target
    assert content["version"] == 1
    assert content["value"] == target.value == pytest.approx(62.7)
    assert content["margin"] == 0.3
    assert content["by_seed"] == pytest.approx({"0": 63.0, "1": 64.0, "2": 62.0, "3": 63.5, "4": 61.0})
    assert content["configuration"] == target.configuration
    assert content["made_of"]["task"] == {"name": "cifar100", "version": 1}
    assert content["made_of"]["method"] == {"name": "pkd", "version": 1, "parameters": {}}
    assert content["made_of"]["protocol"] == protocol()


def test_the_target_of_the_control_is_stored_beside_it(tmp_path):
    written(golden(), tmp_path)
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["kd.v1.json", "pkd.v1.json"]


def test_the_same_target_is_the_same_version(tmp_path):
    first = written(pkd(), tmp_path)
    before = files(tmp_path)
    assert written(pkd(), tmp_path) == first
    assert files(tmp_path) == before
    # Not even with the same values from other, slower hardware.
    written(pkd(machine="other", seconds=99.0), tmp_path)
    assert list((tmp_path / FOLDER).iterdir()) == [tmp_path / FOLDER / "pkd.v1.json"]


@pytest.mark.parametrize(
    "other",
    [ONE_MORE, pkd(**OTHER_TEACHER), pkd(rules=protocol(window=2)), pkd(task_version=2), pkd(precision="bfloat16")],
    ids=["seed", "teacher", "protocol", "task", "precision"],
)
def test_another_target_is_a_new_version_and_the_older_are_not_comparable(tmp_path, other):
    assert "not comparable" not in written(pkd(), tmp_path)
    first = files(tmp_path / FOLDER)
    text = written(other, tmp_path)
    assert "version 2, from pkd" in text
    assert "times to match other versions are not comparable: 1 (62.70)." in text
    assert sorted(files(tmp_path / FOLDER)) == ["pkd.v1.json", "pkd.v2.json"]
    assert files(tmp_path / FOLDER)["pkd.v1.json"] == first["pkd.v1.json"]


def test_going_back_is_going_back_to_the_first_version(tmp_path):
    written(pkd(), tmp_path)
    written(ONE_MORE, tmp_path)
    stored = files(tmp_path / FOLDER)
    back = written(pkd(), tmp_path)
    assert "version 1, from pkd" in back
    assert "times to match other versions are not comparable: 2 (62.70)." in back
    assert files(tmp_path / FOLDER) == stored


def test_two_new_targets_of_one_board_have_numbers_of_their_own(tmp_path):
    made = [*pkd(), *pkd(**OTHER_TEACHER), *pkd(precision="bfloat16"), *pkd(rules=protocol(window=2))]
    text = written(made, tmp_path)
    assert sorted(files(tmp_path / FOLDER)) == [f"pkd.v{number}.json" for number in (1, 2, 3, 4)]
    assert all(f"version {number}, from pkd" in text for number in (1, 2, 3, 4))
    assert board(made[::-1], tmp_path).differences() == ""


def test_names_that_make_one_folder_keep_their_targets_apart(tmp_path):
    made = [*pkd(task="a b"), *pkd(task="a_b"), *pkd(task="a|b")]
    written(made, tmp_path)
    assert len(files(tmp_path / "results/targets/a_b")) == 3


def test_check_fails_while_a_target_is_not_stored(tmp_path, capsys):
    results = tmp_path / "results"
    for made in pkd():
        Store(results).write(made)
    command = ["leaderboard", "--results", str(results), "--output", str(tmp_path / "LEADERBOARD.md")]
    assert main(command) == 0
    assert main([*command, "--check"]) == 0
    path = tmp_path / FOLDER / "pkd.v1.json"
    path.unlink()
    capsys.readouterr()
    assert main([*command, "--check"]) == 1
    assert f"{path} is not stored" in capsys.readouterr().err
    assert not path.exists()
    assert main(command) == 0
    assert main([*command, "--check"]) == 0


def edited(text, old, new):
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda text: "", ""),
        (lambda text: text[:100], ""),
        (lambda text: "[]", ""),
        (lambda text: "3", ""),
        (lambda text: "{}", "it lacks 'version'"),
        (lambda text: edited(text, ' "value": ', ' "tau": '), "changed after it was stored"),
        (lambda text: edited(text, '"0": 63.0', '"0": 64.0'), "changed after it was stored"),
        (lambda text: edited(text, '"margin": 0.3', '"margin": NaN'), ""),
        (lambda text: edited(text, '"version": 1\n}', '"version": 2\n}'), "version 2"),
        (lambda text: edited(text, '"sha256"', '"sha"'), "it lacks 'sha256'"),
    ],
)
def test_a_torn_or_edited_file_is_named(tmp_path, damage, complaint):
    written(pkd(), tmp_path)
    path = tmp_path / FOLDER / "pkd.v1.json"
    path.write_text(damage(path.read_text()))
    for made in (pkd(), ONE_MORE):
        with pytest.raises(StoreError) as raised:
            board(made, tmp_path)
        assert f"{path} is not a stored target: " in str(raised.value)
        assert complaint in str(raised.value)


def test_a_file_that_is_not_text_is_named(tmp_path):
    path = tmp_path / FOLDER / "pkd.v7.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoreError, match=r"pkd\.v7\.json is not a stored target"):
        board(pkd(), tmp_path)


def test_other_files_and_other_methods_are_left_alone(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for name in ("notes.json", "pkd.json", "kd.v1.json", "pkd.v1.json.orig", ".pkd.v1.json"):
        (folder / name).write_text("{")
    written(pkd(), tmp_path)
    assert (folder / "pkd.v1.json").exists()


def test_stored_targets_are_no_records(tmp_path):
    written(pkd(), tmp_path)
    assert list(Store(tmp_path / "results").records()) == []


def test_before_it_is_kept_a_target_has_no_number(tmp_path):
    stored, target = StoredTargets(tmp_path), analysis(*pkd()).target
    assert stored.number(target) is None
    for _ in range(2):
        stored.keep(target)
        assert stored.number(target) == 1
        assert [path.name for path in stored.new] == ["pkd.v1.json"]
    assert not list(tmp_path.iterdir())
