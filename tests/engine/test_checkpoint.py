"""Checkpoints: whole or not there, of use under the same conditions alone, and never in a training's way."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import Toy

from bench.cache import checkpoint_folder
from bench.engine import checkpoint as module
from bench.engine.checkpoint import Checkpoint, conditions
from methods.kd import KnowledgeDistillation

CONDITIONS = {"key": "abc", "threads": 2}


def state(value: float = 1.0) -> dict[str, Any]:
    strided = torch.full((2, 3, 4, 5), value).contiguous(memory_format=torch.channels_last)
    return {"weights": strided, "best": None, "metric": float("-inf"), "curve": {"steps": [3, 6]}, "betas": (0.9, 0.99)}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def kept(tmp_path: Path, said: list[str]) -> Checkpoint:
    """With a state saved."""
    checkpoint = Checkpoint(tmp_path / "cells" / "abc.checkpoint", said.append)
    checkpoint.save(CONDITIONS, state())
    return checkpoint


def again(checkpoint: Checkpoint, said: list[str]) -> Checkpoint:
    """As another process opens it."""
    return Checkpoint(checkpoint.path, said.append)


def written(checkpoint: Checkpoint, content: bytes) -> None:
    """A file of this content, with its checksum."""
    checkpoint.path.write_bytes(content + hashlib.sha256(content).digest())


def test_a_state_comes_back_to_the_bit_with_its_layout(kept: Checkpoint, said: list[str]) -> None:
    loaded = again(kept, said).load(CONDITIONS)
    weights, expected = loaded.pop("weights"), state().pop("weights")
    assert torch.equal(weights, expected)
    assert weights.stride() == expected.stride()
    assert loaded == {name: each for name, each in state().items() if name != "weights"}
    assert not said


def test_the_last_state_counts_and_nothing_else_lies_beside_it(kept: Checkpoint, said: list[str]) -> None:
    kept.save(CONDITIONS, state(2.0))
    assert again(kept, said).load(CONDITIONS)["weights"].unique().tolist() == [2.0]
    assert list(kept.path.parent.iterdir()) == [kept.path]


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path, said: list[str]) -> None:
    assert Checkpoint(tmp_path / "none" / "abc.checkpoint", said.append).load(CONDITIONS) is None
    assert not said


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"key": "abc", "threads": 1}, "(threads: was 2, now 1)"),
        ({"key": "abd", "threads": 2}, "(key: was abc, now abd)"),
        ({"key": "abc"}, "(threads: was 2, now None)"),
        ({"key": "abc", "threads": 2, "torch": "3"}, "(torch: was None, now 3)"),
    ],
)
def test_other_conditions_are_named(kept: Checkpoint, said: list[str], now: dict[str, Any], told: str) -> None:
    assert again(kept, said).load(now) is None
    assert len(said) == 1
    assert told in said[0]
    assert str(kept.path) in said[0]
    assert said[0].endswith("starts again")


@given(st.data())
def test_a_file_that_was_changed_anywhere_or_cut_is_not_used(tmp_path_factory: Any, data: st.DataObject) -> None:
    said: list[str] = []
    checkpoint = Checkpoint(tmp_path_factory.getbasetemp() / "harmed" / "abc.checkpoint", said.append)
    checkpoint.save(CONDITIONS, {"weights": torch.ones(3)})
    content = bytearray(checkpoint.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        content = content[:place]
    checkpoint.path.write_bytes(content)
    assert again(checkpoint, said).load(CONDITIONS) is None
    assert "is damaged" in said[0]
    assert "starts again" in said[0]


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_is_ever_run(kept: Checkpoint, said: list[str], tmp_path: Path, zipped: bool) -> None:
    content, place = io.BytesIO(), tmp_path / "run"
    hostile = {"conditions": CONDITIONS, "state": Hostile(place)}
    torch.save(hostile, content, _use_new_zipfile_serialization=zipped)
    written(kept, content.getvalue())
    assert again(kept, said).load(CONDITIONS) is None
    assert not place.exists()
    assert "is not one of kdbench" in said[0]
    # It would have been run by a reader that unpickles.
    torch.load(io.BytesIO(content.getvalue()), weights_only=False)
    assert place.exists()


@given(st.binary(max_size=300))
def test_a_foreign_file_with_its_checksum_is_not_used(tmp_path_factory: Any, content: bytes) -> None:
    said: list[str] = []
    checkpoint = Checkpoint(tmp_path_factory.getbasetemp() / "foreign.checkpoint", said.append)
    written(checkpoint, content)
    assert checkpoint.load(CONDITIONS) is None
    assert "is not one of kdbench" in said[0]


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "cells").write_text("a file in the folder's place")
    checkpoint = Checkpoint(tmp_path / "cells" / "abc.checkpoint", said.append)
    for _ in range(3):
        checkpoint.save(CONDITIONS, state())
    assert len(said) == 1
    assert "cannot be written" in said[0]
    assert str(checkpoint.path) in said[0]


def test_a_full_disk_leaves_the_state_before(
    kept: Checkpoint, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        with open(path, "wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        for _ in range(2):
            kept.save(CONDITIONS, state(2.0))
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert list(kept.path.parent.iterdir()) == [kept.path]
    assert again(kept, said).load(CONDITIONS)["weights"].unique().tolist() == [1.0]
    kept.save(CONDITIONS, state(3.0))
    assert again(kept, said).load(CONDITIONS)["weights"].unique().tolist() == [3.0]


def test_a_state_that_cannot_be_pickled_is_said(kept: Checkpoint, said: list[str]) -> None:
    kept.save(CONDITIONS, {"rule": lambda step: 0.1})
    assert "cannot be written" in said[0]
    assert again(kept, said).load(CONDITIONS)["weights"].unique().tolist() == [1.0]


def test_clearing_removes_what_a_killed_process_left_too(kept: Checkpoint, said: list[str]) -> None:
    (kept.path.parent / f"{kept.path.name}.unfinished").write_bytes(b"part")
    again(kept, said).clear()
    assert not list(kept.path.parent.iterdir())
    again(kept, said).clear()
    assert not said


def test_what_a_killed_process_left_is_written_over(kept: Checkpoint, said: list[str]) -> None:
    (kept.path.parent / f"{kept.path.name}.unfinished").write_bytes(b"part" * 10**5)
    again(kept, said).save(CONDITIONS, state(2.0))
    assert list(kept.path.parent.iterdir()) == [kept.path]
    assert again(kept, said).load(CONDITIONS)["weights"].unique().tolist() == [2.0]


def test_a_training_without_checkpoints_says_why_once(kept: Checkpoint, said: list[str]) -> None:
    for _ in range(2):
        kept.give_up("it keeps state in self.count")
        kept.save(CONDITIONS, state())
    assert said == ["no checkpoint: it keeps state in self.count: a training that was interrupted starts again"]
    assert not list(kept.path.parent.iterdir())


def test_conditions_are_all_that_bits_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def now(key: str = "abc", teacher: str | None = None) -> dict[str, Any]:
        return conditions(key, torch.device("cpu"), KnowledgeDistillation(), Toy(), teacher)

    def differing(other: dict[str, Any]) -> list[str]:
        return [name for name in other if other[name] != before[name]]

    before = now()
    assert differing(now()) == []
    assert differing(now(key="abd")) == ["key"]
    assert differing(now(teacher="f00")) == ["teacher"]
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    assert differing(now()) == ["threads"]
    torch.set_num_threads(threads)
    for name, value, expected in (
        ("package_digest", lambda: "changed", ["source of kdbench"]),
        ("source_digest", lambda kind: "changed", ["source of the method", "source of the task"]),
        ("fingerprint", lambda device: "other", ["machine"]),
        ("versions", lambda: {"torch": "0"}, ["torch"]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert differing(now()) == expected


def test_results_folders_do_not_share_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    ours = checkpoint_folder(Path("results"))
    assert ours == checkpoint_folder(tmp_path / "other" / ".." / "results")
    assert ours != checkpoint_folder(Path("others"))
    assert ours.parent == tmp_path / "cache" / "checkpoints"
    assert len(ours.name) == 12
