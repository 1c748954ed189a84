"""The ladder of budgets: walks down, stops at the first failure; what was not run, or failed, is no success."""

import pytest
from records import failure, placed, record
from small_boards import ROOT, SCRATCH, analyses, analysis, pkd, text_of, texts

from bench.board.board import Board
from bench.board.tables.ladder import ladder, smallest

MARGIN = 0.3
FULL = [70.0, 70.2, 70.4, 70.6, 70.8]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({0.25: -0.1, 0.5: -0.1, 0.75: 0.0, 1.0: 0.1}, 0.25),
        ({0.25: -0.5, 0.5: -0.1, 0.75: 0.0, 1.0: 0.1}, 0.5),
        # One below the first failure is luck, however good it looks.
        ({0.25: 0.4, 0.5: -0.4, 0.75: 0.0, 1.0: 0.1}, 0.75),
        ({0.25: 0.4, 0.5: None, 0.75: 0.0, 1.0: 0.1}, 0.75),
        ({0.25: 0.4, 0.5: 0.4, 0.75: 0.4, 1.0: -0.3}, None),
        ({0.25: 0.4, 0.5: 0.4, 0.75: 0.4, 1.0: None}, None),
        ({1.0: -0.29}, 1.0),
        # The bound must be above −δ, not at it.
        ({0.5: -0.3, 1.0: 0.0}, 1.0),
    ],
)
def test_walks_down_and_stops_at_the_first_failure(bounds, expected):
    assert smallest(bounds, MARGIN) == expected


def runs(method, share, gaps, **options):
    """One run a seed, so far from the whole budget of the target method."""
    return [record(method, seed, test=FULL[seed] + gap, budget=share, **options) for seed, gap in enumerate(gaps)]


WHOLE = [*runs("pkd", 1.0, [0.0] * 5), *runs("kd", 1.0, [0.1, 0.1, 0.2, 0.0, 0.1])]


def shown(*made):
    return texts(ladder(analysis(*made)))


def test_by_hand():
    """kd at half: differences −.1, −.2, −.1, −.2, −.15: mean −.15, sd .05; t(.95, 4) = 2.132: bound −.198."""
    table = shown(
        *WHOLE,
        *runs("kd", 0.5, [-0.1, -0.2, -0.1, -0.2, -0.15]),
        *runs("kd", 0.25, [-1.0, -1.2, -0.9, -1.1, -1.3]),
        *runs("pkd", 0.5, [-0.5, 0.5, -0.5, 0.5, 0.0]),
    )
    assert table["kd"] == {
        "0.25 of the budget": "-1.10, bound -1.25 (5)",
        "0.5 of the budget": "-0.15, bound -0.20 (5)",
        "1 of the budget": "+0.10, bound +0.03 (5)",
        "enough": "0.5",
    }
    # pkd at half scatters: its mean is equal, and nothing is shown; at the whole budget it equals itself.
    assert table["pkd"]["0.5 of the budget"] == "0.00, bound -0.48 (5)"
    assert table["pkd"]["1 of the budget"] == "0.00, bound 0.00 (5)"
    assert table["pkd"]["enough"] == "1"
    assert list(table) == ["kd", "pkd"]


def test_a_rung_that_is_not_inferior_is_bold():
    made = ladder(analysis(*WHOLE, *runs("kd", 0.5, [-0.1] * 5), *runs("kd", 0.25, [-0.3] * 5)))
    [line] = [line for line in made.lines if line.of.method == "kd"]
    assert [figure.strong for figure in line.figures] == [False, True, True, False]


def test_a_failed_run_is_no_success_and_is_said():
    made = [*WHOLE, *runs("kd", 0.5, [0.0] * 5), failure("kd", 5, budget=0.5), failure("kd", 0, budget=0.25)]
    table = shown(*made)
    assert table["kd"]["0.5 of the budget"] == "0.00, bound 0.00 (5), 1 failed (nan)"
    assert table["kd"]["0.25 of the budget"] == "1 failed (nan)"
    assert table["kd"]["enough"] == "1"
    assert "- kd at 0.5 of the budget, seed [5](" in text_of(made)


def test_a_rung_that_was_not_run_ends_the_walk():
    made = [*WHOLE, *runs("kd", 0.25, [0.0] * 5), *runs("pkd", 0.5, [0.0] * 5)]
    assert shown(*made)["kd"]["enough"] == "1"
    assert shown(*made)["kd"]["0.5 of the budget"] == "–"
    assert shown(*WHOLE, *runs("kd", 0.25, [0.0] * 5))["kd"]["enough"] == "0.25"


def test_four_seeds_are_not_enough():
    table = shown(*WHOLE, *runs("kd", 0.5, [0.5] * 4))
    assert table["kd"]["0.5 of the budget"] == "+0.50, bound +0.50 (4)"
    assert table["kd"]["enough"] == "1"


def test_no_ladder_without_rungs():
    assert ladder(analysis(*WHOLE)) is None
    assert "Ladder" not in text_of(WHOLE)


def test_runs_of_smaller_budgets_stand_in_no_other_figure():
    rungs = runs("kd", 0.5, [-20.0] * 5)
    found = analysis(*WHOLE, *rungs)
    assert found.group.row_of("kd").scores == analysis(*WHOLE).group.row_of("kd").scores
    text, before = text_of([*WHOLE, *rungs]), text_of(WHOLE)
    for line in before.splitlines():
        assert line in text


def test_every_record_of_a_rung_is_linked():
    # sp was run at half of the budget only; in the second there is no target method, in the third no success.
    for whole in (WHOLE, runs("kd", 1.0, [0.0] * 5), [failure("kd")]):
        made = [*whole, *runs("kd", 0.5, [0.0] * 5), *runs("sp", 0.5, [0.0])]
        text = text_of(made)
        for path, each in placed(made):
            assert f"[{each.cell.seed}]({path.relative_to('/repo')})" in text


def test_without_the_target_method_nothing_is_held_against_it():
    text = text_of([*runs("kd", 1.0, [0.0] * 5), *runs("kd", 0.5, [0.0] * 5)])
    assert "pkd has no run at the whole budget to hold these runs against." in text


def test_a_method_that_was_run_at_smaller_budgets_only_is_shown_below():
    table = shown(*WHOLE, *runs("kd", 0.5, [0.0] * 5), *runs("at", 0.5, [0.5] * 5))
    assert list(table) == ["kd", "at"]
    assert table["at"] == {"0.5 of the budget": "+0.50, bound +0.50 (5)", "1 of the budget": "–", "enough": "–"}


def test_a_rung_belongs_to_its_own_teacher_and_plain_training_to_every_one():
    there = {"teacher": "d" * 64, "teacher_key": "e" * 64}
    plain = [record("scratch", seed, test=test, budget=0.5) for seed, test in enumerate(SCRATCH)]
    taught = runs("kd", 0.5, [0.0] * 5, **there)
    ours, theirs = analyses(*WHOLE, *runs("pkd", 1.0, [0.0] * 5, **there), *plain, *taught)
    assert [sorted(row.method for row in each.rungs[0.5].rows) for each in (ours, theirs)] == [
        ["scratch"],
        ["kd", "scratch"],
    ]


def test_a_share_without_its_whole_is_a_section_that_says_so():
    made = pkd(budget=0.5)
    found = Board.of(placed(made), ROOT)
    titles = [each.title for each in found.analyses]
    assert titles == ["cifar100 v1 · resnet56->resnet20 · fair v1, 0.5 of the budget"]
    text = text_of([*made, *pkd(task="sst2")])
    assert "### fair v1, 0.5 of the budget, on cpu-2c-8g" in text
    assert "### fair v1, on cpu-2c-8g" in text
    assert "students see all of fit for 1 epochs" in text
