"""Cells that differ in the seed alone: made together, they have the keys that each has by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st
from toy import FAIR, Toy
from workers import cell

from bench.cell import Cell
from bench.method import Method
from bench.task import Pair

TASK = Toy()
NAME = st.text(min_size=1, max_size=8)


@dataclass(frozen=True)
class Odd(Method):
    """Its parameters have the words of the identity around it."""

    name = "odd"
    seed: int = 0
    form: str = '"seed":0'


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    return Cell(
        TASK,
        Pair(draw(NAME), draw(NAME)),
        Odd(draw(st.integers()), draw(st.text())),
        replace(FAIR, name=draw(NAME), parameters={"odd": {"seed": draw(st.integers(0, 9))}}),
        seed=draw(st.integers(0, 2**31 - 1)),
        precision=draw(st.sampled_from(["float32", "bfloat16"])),
        teacher_key=draw(st.none() | st.just("f" * 64)),
        compiled=draw(st.booleans()),
        pretrained=draw(st.none() | st.just("e" * 64)),
        budget=draw(st.floats(0, 1, exclude_min=True)),
    )


@given(cells(), st.lists(st.integers(0, 2**31 - 1), max_size=4))
def test_cells_over_seeds_are_those_made_one_by_one(first: Cell, seeds: list[int]) -> None:
    made = first.over_seeds(seeds)
    alone = [replace(first, seed=seed) for seed in seeds]
    assert made == alone
    assert [each.key for each in made] == [each.identity.key for each in alone]


def test_a_cell_that_is_changed_has_another_key() -> None:
    [made] = cell("kd").over_seeds([3])
    assert made.key == replace(cell("kd"), seed=3).key
    changed = replace(made, precision="bfloat16")
    assert changed.key == changed.identity.key != made.key


def test_a_cell_and_its_record_have_the_same_names() -> None:
    made = cell("kd", seed=2)
    assert made.names == ("toy", "fair", "wide->narrow", "kd", 2, made.key)
    assert made.names.folder == ("toy", "fair", "wide->narrow")
