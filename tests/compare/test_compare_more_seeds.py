"""Rows in doubt → the cells that each side lacks, and the commands that run them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

import pytest
from findings import finding, in_doubt, row
from hypothesis import given
from hypothesis import strategies as st
from records import changed, failure, protocol, record

from bench.cli.main import build_parser
from bench.compare.finding import Verdict
from bench.compare.more_seeds import MoreSeeds, more_seeds, seeds_text
from bench.compare.rows import Runs
from bench.errors import StoreError
from bench.parameters import parse_settings
from bench.record import Record
from bench.seeds import parse_seeds


def runs(*arguments: Any, **options: Any) -> Runs:
    """A row on one side."""
    return as_row(made(*arguments, **options))


def as_row(records: list[Record]) -> Runs:
    return Runs(row(), {record.cell.seed: record for record in records})


def made(method: str = "kd", seeds: Iterable[int] = range(3), tuned: dict[str, Any] | None = None, **options: Any):
    """Its records."""
    command = options.pop("command", "python -m bench run --methods kd --tasks digits --seeds 0 --device cpu")
    pair = {"task": "digits", "pair": ("resnet14", "resnet8"), "rules": protocol("quick")}
    records = [record(method, seed, command=command, **{**pair, **options}) for seed in seeds]
    return [changed(each, tuned=tuned or {}) for each in records]


def missing(base: Runs, head: Runs, number: int = 5) -> dict[str, tuple[int, ...]]:
    found = more_seeds([in_doubt("kd", number)], {row("kd"): base}, {row("kd"): head})
    return {each.side: each.seeds for each in found}


@pytest.mark.parametrize(
    ("base", "head", "number", "lacking"),
    [
        ((0, 1, 2), (0, 1, 2), 5, {"base": (3, 4), "head": (3, 4)}),
        ((0, 1, 2, 3, 4), (0, 1, 2), 5, {"head": (3, 4)}),
        ((0,), (0,), 3, {"base": (1, 2), "head": (1, 2)}),
        ((5, 7), (5, 7), 3, {"base": (0,), "head": (0,)}),
        ((0, 1), (1, 2), 3, {"base": (2,), "head": (0,)}),
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), 10, {"base": (5, 6, 7, 8, 9), "head": (5, 6, 7, 8, 9)}),
        ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), 5, {}),
    ],
)
def test_both_sides_are_brought_to_the_same_seeds(base, head, number, lacking) -> None:
    assert missing(runs(seeds=base), runs(seeds=head), number) == lacking


def test_a_seed_that_failed_is_not_run_again() -> None:
    assert missing(as_row([*made(seeds=(0, 2)), failure("kd", 1)]), runs(seeds=(0, 2, 3)), 3) == {"base": (3,)}


some_seeds = st.sets(st.integers(0, 12), min_size=1, max_size=6)


@given(some_seeds, some_seeds, st.sampled_from((3, 5, 10)))
def test_every_side_ends_with_the_seeds_that_it_needs(base: set[int], head: set[int], number: int) -> None:
    found = missing(runs(seeds=base), runs(seeds=head), number)
    for side, own in (("base", base), ("head", head)):
        added = set(found.get(side, ()))
        assert not added & own
        assert len(own | added) == max(len(own), number)


def test_what_is_not_in_doubt_and_benchmarks_need_no_seeds() -> None:
    of_benchmark = finding("kd", more_seeds=0)
    assert more_seeds([of_benchmark, finding("at", verdict=Verdict.NOT_COMPARABLE)], {}, {}) == []


def test_rows_that_share_all_but_the_method_share_a_command() -> None:
    rows = {row(name): runs(name) for name in ("kd", "at", "sp")}
    rows[row("fsp")] = runs("fsp", precision="bfloat16")
    found = more_seeds([in_doubt(name) for name in ("kd", "at", "sp", "fsp")], rows, rows)
    assert [(each.side, each.methods, each.precision) for each in found] == [
        ("base", ("kd", "at", "sp"), "float32"),
        ("base", ("fsp",), "bfloat16"),
        ("head", ("kd", "at", "sp"), "float32"),
        ("head", ("fsp",), "bfloat16"),
    ]
    assert found[0].command("side") == (
        "python -m bench run --methods kd,at,sp --tasks digits --pairs 'resnet14->resnet8' --protocol quick "
        "--seeds 3-4 --device cpu --precision float32 --results side"
    )


def test_several_doubts_of_a_row_ask_once_for_the_most_seeds() -> None:
    rows = {row("kd"): runs()}
    [base, head] = more_seeds([in_doubt("kd", 5), in_doubt("kd", 10), in_doubt("kd", 5)], rows, rows)
    assert (base.seeds, head.seeds) == (tuple(range(3, 10)),) * 2


def test_tuned_rows_have_commands_of_their_own() -> None:
    tuned = runs(tuned={"temperature": 2.0, "hard": True}, parameters={"temperature": 2.0, "hard": True, "alpha": 0.5})
    rows = {row("kd"): runs(), row("kd[temperature=2.0]"): tuned}
    found = [
        each for each in more_seeds(map(in_doubt, ("kd", "kd[temperature=2.0]")), rows, rows) if each.side == "base"
    ]
    assert [each.settings for each in found] == [(), ("kd.temperature=2.0", "kd.hard=true")]
    assert [each.methods for each in found] == [("kd",), ("kd",)]
    words = found[1].words("side")
    assert parse_settings(words[number + 1] for number, word in enumerate(words) if word == "--set") == {
        "kd": {"temperature": ["2.0"], "hard": ["true"]}
    }


def test_what_only_the_command_of_a_record_knows_is_kept() -> None:
    command = (
        "python -m bench run --methods mine --tasks 'csv:my data/train.csv' --seeds 0 --device cuda --only all "
        "--plugin a.py --plugin 'b c.py' --teacher t.safetensors"
    )
    rows = {row(): runs("mine", command=command, budget=0.25, compiled=True, task="train")}
    given = parsed(more_seeds([in_doubt("kd")], rows, rows)[0])
    assert (given.tasks, given.device, str(given.teacher)) == ("csv:my data/train.csv", "cuda", "t.safetensors")
    assert list(map(str, given.plugin)) == ["a.py", "b c.py"]
    assert (given.budgets, given.compile, given.only) == ("0.25", True, "missing")


def test_a_task_without_a_command_that_names_it_is_named_as_in_the_record() -> None:
    rows = {row(): runs(command="python -m bench run")}
    given = parsed(more_seeds([in_doubt("kd")], rows, rows)[0])
    assert (given.methods, given.tasks, given.device) == ("kd", "digits", "auto")


def parsed(cells: MoreSeeds):
    """As the command line reads what we print."""
    python, dash, bench, *words = shlex.split(cells.command("side"))
    assert (python, dash, bench) == ("python", "-m", "bench")
    given = build_parser().parse_args(words)
    assert parse_seeds([given.seeds]) == cells.seeds
    return given


def test_the_commit_is_that_of_the_newest_record_and_changes_are_told() -> None:
    old, new = made(seeds=(0, 1))
    old = changed(old, provenance={"started": "2026-01-01T00:00:00+00:00", "commit": "a" * 40})
    new = changed(new, provenance={"started": "2026-02-01T00:00:00+00:00", "commit": "b" * 40, "dirty": True})
    unknown = changed(new, provenance={"commit": None, "dirty": None})
    assert more_seeds([in_doubt("kd")], {row(): as_row([new, old])}, {})[0].commit == "bbbbbbbbbbbb with changes"
    assert more_seeds([in_doubt("kd")], {row(): as_row([unknown])}, {})[0].commit == ""


def test_a_command_that_is_none_is_an_error_that_names_the_record() -> None:
    broken = made(command="python 'unclosed")
    with pytest.raises(StoreError, match=f"record {broken[-1].key[:10]}.*No closing quotation"):
        more_seeds([in_doubt("kd")], {row(): as_row(broken)}, {})


@given(st.sets(st.integers(0, 300), min_size=1, max_size=8))
def test_seeds_are_written_as_run_reads_them(seeds: set[int]) -> None:
    assert parse_seeds([seeds_text(sorted(seeds))]) == tuple(sorted(seeds))
