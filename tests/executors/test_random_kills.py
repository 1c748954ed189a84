"""A short version of `random_kills.py`; and that what it checks after each sweep would find what it looks for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from random_kills import Kills
from sweep import BRIEF, Sweep


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> Kills:
    return Kills(BRIEF, tmp_path_factory.mktemp("kills"), seed=1154)


def test_nothing_is_lost_when_processes_are_killed(kills: Kills, capsys: pytest.CaptureFixture[str]) -> None:
    assert kills.run(3), capsys.readouterr().out
    assert kills.done == 3
    assert "0 records lost, 0 half-written, 0 duplicates" in capsys.readouterr().out


def record(sweep: Sweep) -> Path:
    return next(iter(sweep.finished()))


def a_teacher(sweep: Sweep) -> Path:
    return next((sweep.cache / "teachers").glob("*.safetensors"))


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def change(path: Path) -> None:
    text = path.read_text()
    start = text.index('"train_loss"')
    digit = next(place for place in range(start, len(text)) if text[place] == ".")
    path.write_text(f"{text[: digit + 1]}{(int(text[digit + 1]) + 1) % 10}{text[digit + 2 :]}")


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lambda sweep: record(sweep).unlink(), "records lost"),
        (lambda sweep: shutil.copy(record(sweep), record(sweep).with_name("again-s0-0123456789ab.json")), "duplicates"),
        (lambda sweep: record(sweep).write_bytes(record(sweep).read_bytes()[:-9]), "half-written"),
        (lambda sweep: (sweep.results / ".LEADERBOARD.md.abc").touch(), "half-written"),
        (lambda sweep: (sweep.cache / "checkpoints" / "x.checkpoint").touch(), "half-written"),
        (lambda sweep: spoil(a_teacher(sweep)), "teachers damaged"),
        (lambda sweep: change(record(sweep)), "bits that differ"),
        (lambda sweep: (sweep.results / "LEADERBOARD.md").write_text(""), "boards that differ"),
    ],
)
def test_what_is_wrong_is_found(kills: Kills, tmp_path: Path, harm: Callable[[Sweep], object], kind: str) -> None:
    results, cache = tmp_path / "results", tmp_path / "cache"
    shutil.copytree(kills.folder / "undisturbed", results)
    shutil.copytree(kills.folder / "cache-undisturbed", cache)
    sweep = Sweep(BRIEF, results, cache)
    assert list(sweep.faults(kills.undisturbed)) == []
    harm(sweep)
    assert kind in {found for found, _ in sweep.faults(kills.undisturbed)}
