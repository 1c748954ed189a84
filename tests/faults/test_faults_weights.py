"""Weights from elsewhere: nothing in them runs, and what is damaged is refused or made again."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bombs import Bomb
from language import model_folder
from safetensors.torch import load_file
from toy import FAIR, Toy

from bench.engine import teachers
from bench.engine.teachers import Brought, TeacherFile, cached_teacher, read_weights, weights_digest
from bench.engine.workbench import Workbench
from bench.errors import TeacherError, UsageError
from methods.scratch import Scratch
from tasks.networks.language import pretrained


def without_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def a_pickle(folder: Path, mark: Path) -> None:
    without_safetensors(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(mark)))


def a_file_of_torch(folder: Path, mark: Path) -> None:
    without_safetensors(folder)
    torch.save({"weight": Bomb(mark)}, folder / "pytorch_model.bin")


def code(folder: Path, mark: Path, **changes: Any) -> None:
    (folder / "evil.py").write_text(f"import os; os.mkdir({os.fspath(mark)!r})")
    config = json.loads((folder / "config.json").read_text())
    maps = {"AutoConfig": "evil.C", "AutoModel": "evil.M", "AutoTokenizer": ["evil.T", None]}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": maps, **changes}))


def code_of_an_unknown_kind(folder: Path, mark: Path) -> None:
    code(folder, mark, model_type="evil")


def cut_weights(folder: Path, mark: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def a_deep_configuration(folder: Path, mark: Path) -> None:
    (folder / "config.json").write_text("[" * 5000 + "]" * 5000)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (a_pickle, "could run code and is not read: expected model.safetensors"),
        (a_file_of_torch, "could run code and is not read: expected model.safetensors"),
        (code_of_an_unknown_kind, "custom code"),
        (cut_weights, "cannot be loaded, from its folder"),
        (a_deep_configuration, "cannot be loaded, from its folder"),
    ],
)
def test_a_model_folder_that_could_run_code_or_is_damaged_is_refused(tmp_path, mark, monkeypatch, harm, said):
    monkeypatch.setattr("builtins.input", lambda *question: pytest.fail("the user was asked"))
    folder = model_folder(tmp_path / "model")
    harm(folder, mark)
    with pytest.raises(UsageError, match=said) as raised:
        pretrained(str(folder))
    assert str(folder) in str(raised.value)
    assert not mark.exists()


def test_a_known_model_that_brings_code_is_loaded_without_it(tmp_path, mark, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *question: pytest.fail("the user was asked"))
    folder = model_folder(tmp_path / "model")
    code(folder, mark)
    assert pretrained(str(folder)).weights
    assert not mark.exists()


def test_plain_tensors_in_torchs_format_are_read(tmp_path):
    folder = model_folder(tmp_path / "model")
    expected = pretrained(str(folder)).sha256
    other = model_folder(tmp_path / "other")
    torch.save(load_file(other / "model.safetensors"), other / "pytorch_model.bin")
    without_safetensors(other)
    assert pretrained(str(other)).sha256 == expected


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], tuple[TeacherFile, dict, list[str]]]:
    """Gives the toy's teacher from a cache of its own, and what was said."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))

    def teacher() -> tuple[TeacherFile, dict, list[str]]:
        said: list[str] = []
        made = Workbench(Toy(), FAIR, None, torch.device("cpu"), "float32")
        return *cached_teacher(made, "wide", Scratch(), said.append, lambda done, total: None), said

    return teacher


def flips(content: bytes) -> list[tuple[int, int]]:
    """Places of the size, the whole description, the tensors and the end, with the bit to turn over."""
    header = 8 + int.from_bytes(content[:8], "little")
    return [
        (place, 1 << place % 8)
        for place in (*range(0, header, 11), *range(header, len(content), 211), len(content) - 1)
    ]


def test_a_flipped_bit_in_a_cached_teacher_is_never_used(cache, monkeypatch):
    first, weights, _ = cache()
    whole = first.path.read_bytes()
    again: list[Path] = []

    def train(*arguments: Any) -> TeacherFile:
        again.append(first.path)
        first.path.write_bytes(whole)
        return first

    monkeypatch.setattr(teachers, "train_teacher", train)
    places = flips(whole)
    for place, bit in places:
        damaged = bytearray(whole)
        damaged[place] ^= bit
        first.path.write_bytes(damaged)
        count = len(again)
        file, found, said = cache()
        assert file == first
        assert weights_digest(found) == weights_digest(weights)
        if len(again) > count:
            assert str(first.path) in said[0]
            assert said[0].endswith(": training it again")
    assert len(again) > 0.95 * len(places)


@pytest.mark.parametrize("place", [4, 300, -1])
def test_a_damaged_teacher_is_trained_again_to_the_same_weights(cache, place):
    first, _, _ = cache()
    damaged = bytearray(first.path.read_bytes())
    damaged[place] ^= 16
    first.path.write_bytes(damaged)
    second, _, said = cache()
    assert second.sha256 == first.sha256
    assert "training it again" in said[0]


def test_a_cut_teacher_is_trained_again_and_refused_where_it_was_brought(cache, monkeypatch):
    first, _, _ = cache()
    whole = first.path.read_bytes()
    monkeypatch.setattr(teachers, "train_teacher", lambda *arguments: first.path.write_bytes(whole) and first)
    for length in range(0, len(whole), len(whole) // 20):
        first.path.write_bytes(whole[:length])
        with pytest.raises(TeacherError, match=str(first.path)):
            Brought.read(first.path)
        assert cache()[2][0].endswith(": training it again")


def test_a_flipped_bit_in_a_brought_teacher_that_knows_its_digest_is_refused(cache):
    first, weights, _ = cache()
    whole = first.path.read_bytes()
    path = first.path.with_name("brought.safetensors")
    refused = 0
    for place, bit in flips(whole):
        damaged = bytearray(whole)
        damaged[place] ^= bit
        path.write_bytes(damaged)
        try:
            brought = Brought.read(path)
        except TeacherError as error:
            refused += str(path) in str(error)
        else:  # the file is another one and says the same weights
            assert brought.sha256 == weights_digest(weights) == weights_digest(read_weights(path))
    assert refused > 0.9 * len(flips(whole))
