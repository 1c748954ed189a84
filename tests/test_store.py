"""results/: whole files or none, failures that never count as done, and names that stay inside the folder."""

import json
import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import failure, protocol, record

from bench.errors import StoreError
from bench.store import Store, read, slug, state_of, write_whole


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def state(store, each):
    return state_of(store.mark(each.machine, each))


def test_write_and_read(store):
    written = record()
    path = store.write(written)
    assert read(path) == written
    assert list(store.records()) == [(path, written)]
    assert path.relative_to(store.root).parts[:4] == ("cpu-2c-8g", "cifar100", "fair", "resnet56-to-resnet20")


def test_same_record_same_bytes(store, tmp_path):
    assert store.write(record()).read_bytes() == Store(tmp_path / "other").write(record()).read_bytes()


def test_state(store):
    good, bad = record(), failure()
    assert good.key == bad.key
    assert state(store, good) == "missing"
    store.write(bad)
    assert state(store, good) == "failed"
    store.write(good)
    assert state(store, good) == "done"


def test_marks_are_those_of_each_cell(store):
    made = [record(method=method, seed=seed, task=task) for task in "ab" for method in ("kd", "at") for seed in (0, 1)]
    for each in made[::2]:
        store.write(each)
    store.write(failure())
    marks = store.marks("cpu-2c-8g", [*made, failure()])
    assert marks == [store.mark("cpu-2c-8g", each) for each in [*made, failure()]]
    assert [state_of(mark) for mark in marks] == ["done", "missing"] * 4 + ["failed"]
    assert store.marks("another-machine", made) == [(0, 0)] * 8


def test_marks_open_no_record_and_list_a_folder_once(store, monkeypatch):
    made = [record(seed=seed) for seed in range(5)]
    folder = [store.write(each).parent for each in made].pop()
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scandir(folder))
    monkeypatch.setattr("builtins.open", lambda *arguments, **options: pytest.fail("a file was opened"))
    assert all(done and not failed for done, failed in store.marks("cpu-2c-8g", made))
    assert listed == [folder]


def test_a_record_that_was_written_again_has_another_mark(store):
    store.write(failure())
    failed = store.mark("cpu-2c-8g", record())
    store.write(record(test=60.0))
    first = store.mark("cpu-2c-8g", record())
    store.write(record(test=61.0))
    again = store.mark("cpu-2c-8g", record())
    assert [state_of(mark) for mark in (failed, first, again)] == ["failed", "done", "done"]
    assert len({failed, first, again}) == 3


def test_marks_hold_where_a_listing_makes_its_numbers_up(store, monkeypatch):
    made = [record(seed=seed) for seed in range(3)]
    for each in made:
        store.write(each)
    right = store.marks("cpu-2c-8g", made)
    scandir = os.scandir

    class MadeUp:
        def __init__(self, folder):
            self.entries = scandir(folder)

        def __enter__(self):
            return [SimpleNamespace(name=entry.name, inode=lambda: 2**32 - 1) for entry in self.entries]

        def __exit__(self, *error):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", MadeUp)
    assert store.marks("cpu-2c-8g", made) == right == [store.mark("cpu-2c-8g", each) for each in made]


def test_where_a_file_is_in_the_place_of_a_folder_nothing_is_done(store):
    store.root.mkdir()
    (store.root / "cpu-2c-8g").write_text("a file where a folder should be")
    assert store.marks("cpu-2c-8g", [record()]) == [store.mark("cpu-2c-8g", record())] == [(0, 0)]


def test_a_folder_that_cannot_be_listed_is_named(store, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match=r"resnet56-to-resnet20 cannot be read: Permission denied"):
        store.marks("cpu-2c-8g", [record()])


def test_finished_records_are_listed_by_method_in_order(store):
    paths = [store.write(record(method=method, seed=seed)) for method in ("kd", "a b-c") for seed in (1, 0)]
    store.write(failure(method="at"))
    (paths[0].parent / ".kd-s0-hidden.json").touch()
    (paths[0].parent / "notes.json").touch()
    names = [path.name for path in paths]
    assert store.finished("cpu-2c-8g", record()) == {"a_b-c": names[:1:-1], "kd": names[1::-1]}
    assert store.finished("another-machine", record()) == {}


def test_success_replaces_failure(store):
    store.write(failure())
    path = store.write(record())
    assert store.paths() == [path]


def test_failure_leaves_success(store):
    path = store.write(record())
    store.write(failure())
    assert read(path).ok
    assert state(store, record()) == "done"


def test_records_come_in_a_fixed_order(store):
    made = [record(seed=seed, task=task) for task in ("b", "a") for seed in (2, 0, 1)]
    for each in made:
        store.write(each)
    paths = [path for path, _ in store.records()]
    assert paths == sorted(paths, key=str)
    assert len(paths) == len(made)


def test_temporary_and_other_files_are_no_records(store):
    path = store.write(record())
    (path.parent / ".hidden.json").write_text("{")
    (path.parent / "notes.txt").write_text("x")
    assert store.paths() == [path]


def test_no_folder_no_records(store):
    assert store.paths() == []


@pytest.mark.parametrize("keep", [0, 1, 100, -3])
def test_truncated_file_names_its_path(store, keep):
    path = store.write(record())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError) as raised:
        list(store.records())
    assert str(path) in str(raised.value)


def test_file_that_is_not_a_record_names_the_field(store):
    path = store.write(record())
    path.write_text(path.read_text().replace('"status": "ok"', '"status": "fine"'))
    with pytest.raises(StoreError, match="status"):
        read(path)


@pytest.mark.parametrize("field", ["window", "target", "controls", "name"])
def test_a_record_whose_protocol_is_none_names_its_file(store, field):
    path = store.write(record())
    content = json.loads(path.read_text())
    del content["cell"]["protocol"][field]
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match=rf"{path} is not a record: cell.protocol.{field}: is missing"):
        read(path)


def test_failing_replace_leaves_the_old_content(store, monkeypatch):
    path = store.write(record(test=60.0))
    old = path.read_bytes()

    def refuse(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="No space left on device"):
        store.write(record(test=61.0))
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file.json", "content")
    assert os.listdir(tmp_path) == []


def test_written_files_are_readable_by_others(store):
    assert store.write(record()).stat().st_mode & 0o777 == 0o644


@given(
    st.sampled_from(["../../x", "/etc/passwd", "..", ".", "", "a/../../b", "\x00", "x" * 500, "ü|<>"])
    | st.text(max_size=80)
)
def test_any_name_stays_under_the_root(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "results"
    name = name or " "
    named = record(method=name[:200], task=name[:200], pair=(name[:200], name[:200]), rules=protocol(name))
    path = Store(root).path("m", named)
    assert path.resolve().is_relative_to(root)
    assert len(path.relative_to(root).parts) == 5
    assert all(0 < len(part.encode()) <= 255 for part in path.relative_to(root).parts)


@given(st.text())
def test_slug_is_one_visible_component(text):
    made = slug(text)
    assert made
    assert not made.startswith(".")
    assert "/" not in made


def test_find_by_path_and_by_key(store):
    first, second = record(seed=0), record(seed=1)
    path = store.write(first)
    store.write(second)
    assert store.find(str(path)) == (path, first)
    assert store.find(first.key) == (path, first)
    assert store.find(first.key[:8]) == (path, first)


@pytest.mark.parametrize(("cell", "complaint"), [("0" * 12, "no record"), ("kd", "neither a file nor")])
def test_find_says_what_is_wrong(store, cell, complaint):
    store.write(record())
    with pytest.raises(StoreError, match=complaint):
        store.find(cell)


def test_find_refuses_to_choose(store):
    paths = [store.write(record(machine=machine)) for machine in ("m1", "m2")]
    with pytest.raises(StoreError) as raised:
        store.find(record().key[:10])
    assert all(str(path) in str(raised.value) for path in paths)


def test_unwritable_folder_is_found_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--results"):
        Store(tmp_path / "file").check_writable("m", [])


def test_a_folder_inside_that_cannot_be_written_is_named_before_anything_runs(store):
    store.root.mkdir(parents=True, exist_ok=True)
    (store.root / "cpu-2c").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match=r"cpu-2c cannot be written"):
        store.check_writable("cpu-2c", [record()])


def test_check_writable_leaves_nothing(store):
    store.check_writable("m", [record()])
    assert os.listdir(store.root) == []
