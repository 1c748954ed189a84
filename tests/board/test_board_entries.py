"""Records as the board keeps them: copies, links, the short form, and what is no record of a protocol."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import failure, placed, protocol, record
from small_boards import ROOT, pkd

from bench.board.entries import BoardRecord, entries
from bench.board.group import groups
from bench.errors import StoreError
from bench.store import Store

RESULTS = ROOT / "results"


def test_success_beats_failure_of_the_same_cell_and_copies_count_once():
    good, bad = record(), failure()
    at = [(RESULTS / name, each) for name, each in (("b", bad), ("a", good), ("copy", good))]
    for order in (at, at[::-1]):
        (kept,) = entries(order, ROOT)
        assert kept.link == "results/a"
        assert kept.record.ok
        assert kept.copies == ("results/copy", "results/b")


def test_the_same_cell_on_another_machine_is_no_copy():
    assert [each.copies for each in entries(placed([record(), record(machine="m2")]), ROOT)] == [(), ()]


def test_links_are_relative_to_the_board():
    (entry,) = entries([(Path("/repo/results/m/x.json"), record())], Path("/repo/docs"))
    assert entry.link == "../results/m/x.json"


@given(st.permutations([record("kd", seed, machine=machine) for seed in range(3) for machine in ("m1", "m2")]))
def test_order_is_that_of_the_content(made):
    found = entries([(RESULTS / f"{each.machine}-{each.cell.seed}", each) for each in made], ROOT)
    assert [(each.record.machine, each.record.key) for each in found] == sorted(
        (each.machine, each.key) for each in made
    )


def test_predictions_come_back():
    (entry,) = entries(placed([record(predicted=[3, 0, 700], labels=[3, 1, 700])]), ROOT)
    classes, correct = entry.predictions
    np.testing.assert_array_equal(classes, [3, 0, 700])
    np.testing.assert_array_equal(correct, [True, False, True])


def test_equal_protocols_have_one_hash_and_others_another():
    rules = protocol()
    shuffled = dict(reversed(rules.items()))
    one, other, changed = (
        entries(placed([record(rules=each)]), ROOT)[0].protocol for each in (rules, shuffled, protocol(window=2))
    )
    assert one == other != changed


def test_the_boards_form_of_a_record_gives_the_same_groups_and_is_checked(tmp_path):
    store = Store(tmp_path)
    for made in (*pkd(), record("scratch"), failure("kd", 1)):
        store.write(made)
    whole, short = groups(entries(store.records(), ROOT)), groups(entries(store.records(BoardRecord), ROOT))
    assert [[row.label for row in group.rows] for group in whole] == [
        [row.label for row in group.rows] for group in short
    ]
    for one, other in zip(whole[0].entries, short[0].entries, strict=True):
        np.testing.assert_array_equal(one.evaluations.smooth, other.evaluations.smooth)
        assert one.record.result == other.record.result
    path = next(path for path, each in store.records() if each.ok)
    content = json.loads(path.read_text())
    content["curve"]["steps"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="differ in length"):
        list(store.records(BoardRecord))
