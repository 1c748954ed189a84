"""Whether the teachers of a plan have the weights of those in the records: told from a few records."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import planned, ran

from bench import teacher_check
from bench.store import Store
from bench.teacher_check import MOST_READ, other_teachers, spread

METHODS = "scratch,kd,at,sp"
SEEDS = tuple(range(10))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture(autouse=True)
def cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_check, "cached_weights", lambda cell: "a" * 64)


def test_the_same_weights_need_no_word(store: Store) -> None:
    plan = planned(store, METHODS, seeds=SEEDS)
    assert other_teachers(plan, list(plan.cells), store) == []
    for cell in plan.cells[:8]:
        ran(store, plan, cell)
    assert other_teachers(plan, list(plan.cells), store) == []


def test_other_weights_are_found_though_few_records_are_opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(store, METHODS, seeds=SEEDS)
    for cell in plan.cells:
        ran(store, plan, cell, weights="b" * 64)
    opened, read = [], teacher_check.read
    monkeypatch.setattr(teacher_check, "read", lambda path: opened.append(path) or read(path))
    [said] = other_teachers(plan, list(plan.cells), store)
    assert "the teacher wide of the records in" in said
    assert "has the weights bbbbbbbbbbbb; the one in the cache has aaaaaaaaaaaa" in said
    assert len(opened) == MOST_READ
    assert {path.name.split("-")[0] for path in opened} == set(METHODS.split(","))


def test_records_of_another_teacher_do_not_count(store: Store) -> None:
    plan = planned(store, "kd")
    ran(store, plan, plan.cells[0], weights="b" * 64)
    other = planned(store, "kd", precision="bfloat16")
    assert other.cells[0].teacher_key != plan.cells[0].teacher_key
    assert other_teachers(other, list(other.cells), store) == []


@given(st.lists(st.text(), unique=True), st.integers(2, 12))
def test_names_are_spread_evenly(names: list[str], most: int) -> None:
    chosen = spread(names, most)
    places = [names.index(name) for name in chosen]
    assert len(chosen) == min(len(names), most)
    if names:
        assert (places[0], places[-1]) == (0, len(names) - 1)
    gaps = {after - before for before, after in pairwise(places)}
    assert not gaps or (min(gaps) > 0 and max(gaps) - min(gaps) <= 1)
