"""Teachers on disk: trained once, checked when read, and never confused with another."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from language import model_folder
from safetensors.torch import load_file, save_file
from toy import FAIR, RECIPE, Toy

from bench.engine import teachers
from bench.engine.loop import NonFiniteError
from bench.engine.teachers import (
    Brought,
    cached_path,
    cached_teacher,
    read_header,
    read_weights,
    teacher_identity,
    teacher_key,
    weights_digest,
)
from bench.engine.workbench import Workbench
from bench.errors import TeacherError
from bench.identity import key_of
from bench.protocol import Protocol
from bench.task import Pair
from methods.scratch import Scratch
from tasks.glue import RTE


class Teachers:
    """A cache of its own; counts trainings and keeps what is said."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.trained = 0
        self.said: list[str] = []
        train = teachers.train

        def counted(*arguments: Any, **named: Any) -> Any:
            self.trained += 1
            return train(*arguments, **named)

        patch.setattr(teachers, "train", counted)

    def get(self, network: str = "wide", protocol: Protocol = FAIR) -> Any:
        bench = Workbench(Toy(), protocol, None, torch.device("cpu"), "float32")
        return cached_teacher(bench, network, Scratch(), self.said.append, lambda done, total: None)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Teachers:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    return Teachers(monkeypatch)


def test_a_teacher_is_trained_once_and_then_read(cache: Teachers) -> None:
    first, weights = cache.get()
    again, same = cache.get()
    assert cache.trained == 1
    assert again == first
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert [line.split(" (")[0] for line in cache.said[:1]] == ["training the teacher wide"]
    assert cache.said[1].startswith("teacher wide: accuracy ")
    assert len(cache.said) == 2


def test_the_header_says_what_the_teacher_is(cache: Teachers) -> None:
    file, weights = cache.get()
    assert read_header(file.path) == file
    identity = teacher_identity(Toy(), "wide", FAIR, "float32")
    assert key_of(file.identity) == key_of(identity)
    assert file.path == cached_path(identity)
    assert file.sha256 == weights_digest(weights) == weights_digest(load_file(file.path))
    assert set(file.metric) == {"select", "test"}
    assert 0 <= file.metric["test"] <= 100
    assert file.train_seconds > 0
    assert not [each for each in file.path.parent.iterdir() if each.name.startswith(".")]


def test_a_teacher_does_not_depend_on_what_ran_before(cache: Teachers) -> None:
    torch.manual_seed(3)
    first, _ = cache.get("dropping")
    first.path.unlink()
    torch.manual_seed(4)
    second, _ = cache.get("dropping")
    assert cache.trained == 2
    assert first.sha256 == second.sha256


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_header(path: Path) -> None:
    save_file(load_file(path), path, metadata={"kdbench": '{"sha256": '})


def foreign_header(path: Path) -> None:
    save_file(load_file(path), path, metadata={"kdbench": json.dumps({"digest": "0"})})


def no_header(path: Path) -> None:
    save_file(load_file(path), path)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (flip_last_byte, "is damaged (its checksum differs): training it again"),
        (truncate, "cannot be read as safetensors"),
        (empty, "cannot be read as safetensors"),
        (spoil_header, "has a kdbench header that cannot be read"),
        (foreign_header, "has a kdbench header that cannot be read"),
        (no_header, "has no kdbench header"),
    ],
)
def test_a_damaged_file_is_named_and_the_same_teacher_trained_again(cache: Teachers, harm: Any, told: str) -> None:
    first, _ = cache.get()
    harm(first.path)
    cache.said.clear()
    second, weights = cache.get()
    assert cache.trained == 2
    assert told in cache.said[0]
    assert str(first.path) in cache.said[0]
    assert "training it again" in cache.said[0]
    assert second.sha256 == first.sha256 == weights_digest(weights)
    assert read_header(first.path) == second


def test_teachers_learn_from_the_whole_of_fit(cache: Teachers, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Any]] = []
    batches = teachers.batches
    monkeypatch.setattr(
        teachers, "batches", lambda *given, **named: asked.append((given, named)) or batches(*given, **named)
    )
    small = replace(FAIR, fit_items=9)
    cache.get(protocol=small)
    ((_, examples, *_), named) = asked[0]
    assert len(examples) == 48
    assert "items" not in named


def test_a_protocols_teacher_depends_on_its_recipe_and_not_on_the_students() -> None:
    def key(protocol: Protocol = FAIR, network: str = "wide", precision: str = "float32") -> str:
        return teacher_key(Toy(), network, protocol, precision, None)

    slower = replace(RECIPE, learning_rate=0.01)
    shared = [replace(FAIR, student=slower), replace(FAIR, fit_items=10), replace(FAIR, name="other", evaluations=2)]
    assert {key(protocol) for protocol in shared} == {key()}
    others = [key(replace(FAIR, teacher=slower)), key(replace(FAIR, select=False)), key(network="deep")]
    assert len({key(), *others, key(precision="bfloat16")}) == 5


TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4), "c": torch.tensor(7)}


@pytest.mark.parametrize(
    "change",
    [
        {"a": torch.arange(6.0).reshape(3, 2)},
        {"a": torch.arange(6.0).reshape(2, 3).nextafter(torch.tensor(9.0))},
        {"b": torch.zeros(4, dtype=torch.int32)},
        {"b": -torch.zeros(4)},
        {"c": torch.tensor(8)},
        {"d": torch.zeros(0)},
    ],
)
def test_the_digest_depends_on_every_tensor(change: dict[str, torch.Tensor]) -> None:
    assert weights_digest(TENSORS | change) != weights_digest(TENSORS)


def test_the_digest_depends_on_names_but_not_on_order_or_layout() -> None:
    strided = TENSORS["a"].t().contiguous().t()
    assert weights_digest({"c": TENSORS["c"], "b": TENSORS["b"], "a": strided}) == weights_digest(TENSORS)
    swapped = {"x" if name == "a" else name: each for name, each in TENSORS.items()}
    assert weights_digest(swapped) != weights_digest(TENSORS)


def test_a_brought_teacher_is_known_by_its_weights(tmp_path: Path) -> None:
    path, copy = tmp_path / "mine.safetensors", tmp_path / "copy.safetensors"
    save_file(TENSORS, path)
    save_file(TENSORS, copy, metadata={"note": "the same weights"})
    brought = Brought.read(path)
    assert brought.sha256 == weights_digest(TENSORS) == Brought.read(copy).sha256
    assert teacher_key(Toy(), "wide", FAIR, "float32", brought) == f"file:{brought.sha256}"
    with pytest.raises(TeacherError, match="has no kdbench header"):
        read_header(path)


def test_a_brought_file_that_is_missing_or_no_safetensors_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    with pytest.raises(TeacherError, match=r"mine\.safetensors does not exist"):
        Brought.read(path)
    path.write_text("weights")
    for read in (Brought.read, read_header, read_weights):
        with pytest.raises(TeacherError, match=r"mine\.safetensors cannot be read as safetensors"):
            read(path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("not_entailment", "entailment"), "order not_entailment, entailment.*has entailment, not_entailment"),
        (("entailment", "not_entailment"), None),
        (("LABEL_0", "LABEL_1"), None),
    ],
)
def test_a_brought_teacher_whose_classes_have_another_order_is_refused(tmp_path: Path, names, said) -> None:
    folder = model_folder(tmp_path / "tiny")
    task = RTE().on(Pair(str(folder), "layers:1"))
    teacher = task.network("tiny")
    teacher.config.id2label = dict(enumerate(names))
    teacher.save_pretrained(tmp_path / "teacher")
    brought = Brought.read(tmp_path / "teacher")
    with pytest.raises(TeacherError, match=said) if said else nullcontext():
        brought.check_fits(task, "tiny")


def test_positions_that_older_folders_store_are_left_out(tmp_path: Path) -> None:
    save_file({**TENSORS, "bert.embeddings.position_ids": torch.arange(3)[None]}, tmp_path / "old.safetensors")
    assert Brought.read(tmp_path / "old.safetensors").sha256 == weights_digest(TENSORS)


class Stopped:
    """Stops the next trainings after so many batches, and counts those that each is given."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.after: int | None = None
        self.given: list[int] = []
        batches = teachers.batches

        def until(*given: Any, **named: Any) -> Any:
            self.given.append(0)
            for batch in batches(*given, **named):
                if self.given[-1] == self.after:
                    raise KeyboardInterrupt
                self.given[-1] += 1
                yield batch

        patch.setattr(teachers, "batches", until)


@pytest.mark.parametrize("network", ["wide", "dropping"])
def test_a_teacher_that_was_interrupted_goes_on_and_is_the_same(
    cache: Teachers, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    never, _ = cache.get(network)
    never.path.unlink()
    stopped = Stopped(monkeypatch)
    # 12 steps, ten evaluations: after the steps 1, 2, 4, 5, 6, 7, 8, 10, 11 and 12.
    for stopped.after in (5, 4):
        with pytest.raises(KeyboardInterrupt):
            cache.get(network)
        assert not never.path.exists()
    stopped.after = None
    cache.said.clear()
    teacher, weights = cache.get(network)
    assert stopped.given == [5, 4, 4]
    assert f"the teacher {network} was interrupted: it goes on from step 8" in cache.said
    assert teacher.sha256 == never.sha256 == weights_digest(weights)
    assert teacher.metric == never.metric
    assert sorted(each.name for each in never.path.parent.iterdir()) == [never.path.name, f"{never.path.name}.lock"]


def test_a_teacher_of_other_conditions_is_trained_from_its_start(
    cache: Teachers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Stopped(monkeypatch)
    stopped.after = 9
    with pytest.raises(KeyboardInterrupt):
        cache.get()
    stopped.after = None
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    cache.get()
    assert stopped.given == [9, 12]
    assert any("threads: was 1, now 7" in line for line in cache.said)


def test_a_teacher_that_cannot_be_trained_leaves_no_checkpoint(
    cache: Teachers, monkeypatch: pytest.MonkeyPatch
) -> None:
    steep = replace(FAIR, teacher=replace(RECIPE, learning_rate=1e30))
    with pytest.raises(NonFiniteError):
        cache.get(protocol=steep)
    folder = cached_path(teacher_identity(Toy(), "wide", steep, "float32")).parent
    assert [each.name for each in folder.iterdir() if not each.name.endswith(".lock")] == []
