"""protocol.md, Fairness 1 to 8 and Time: what the board shows, and what it keeps apart."""

from __future__ import annotations

import random
import re

import boards
import by_hand
import pytest
from boards import HERE, THERE, World, cells, column, machines, made, page

from bench.board.analysis import runs_on
from bench.board.markdown import name
from bench.board.over_tasks import over_tasks
from bench.board.tables.accuracy import accuracy
from bench.board.tables.lead import lead
from bench.board.tables.match import matching
from bench.board.tables.memory import memory
from bench.board.tables.time import times


def test_sections_hold_what_may_be_compared_and_nothing_else(world: World) -> None:
    """“every method gets the same teacher checkpoint”; “Its rows never mix with fair rows”: a section by hand each."""
    whole = [runs for runs in by_hand.groups(world.records) if runs[0].cell.budget == 1]
    assert len(list(world.groups())) == len(whole) == len(world.board.analyses)
    for analysis, runs in world.groups():
        assert len({(run.cell.protocol["name"], run.cell.budget) for run in runs}) == 1
        assert len({run.teacher.sha256 for run in runs if run.teacher}) <= 1
        assert {boards.key_of(row) for row in analysis.group.rows} == by_hand.rows(runs).keys()


def test_the_result_is_that_of_the_last_epoch_and_the_chosen_epochs_stands_beside_it(world: World) -> None:
    """“Reported result = test metric of the last epoch; the epoch chosen on `select` beside it.”"""
    for analysis, runs in world.groups():
        table = accuracy(analysis)
        last, chosen = column(table, f"test {runs[0].metric}"), column(table, "at best select")
        for key, row in by_hand.rows(runs).items():
            seeds = by_hand.by_seed(row)
            assert last[key] == (pytest.approx(by_hand.mean(by_hand.scores(row).values())) if seeds else None)
            selected = [run.result.test_selected[run.metric] for run in seeds.values() if run.result.test_selected]
            assert chosen.get(key) == (pytest.approx(by_hand.mean(selected)) if selected else None)


def test_nothing_is_chosen_on_test(world: World) -> None:
    """“No figure that chooses anything comes from `test`”: with other test figures targets and times stay."""
    draw = random.Random(0)
    other = []
    for run in world.records:
        if run.ok:
            test = {metric: draw.uniform(0, 100) for metric in run.result.test}
            result = {"test": test, "test_selected": test, "most_frequent": None}
            run = run.model_copy(update={"result": run.result.model_copy(update=result)})
        other.append(run)
    pairs = list(zip(world.board.analyses, World(other).board.analyses, strict=True))
    assert len(pairs) > 3
    for ours, theirs in pairs:
        if isinstance(ours.target, str):
            assert ours.target == theirs.target
            continue
        assert ours.target.content == theirs.target.content
        assert ours.ranked == theirs.ranked
        for machine in ours.group.machines:
            figures = [
                {boards.key_of(row): [each.text for each in shown.values()] for row, shown in cells(table)}
                for table in (matching(ours, machine), matching(theirs, machine))
            ]
            assert figures[0] == figures[1]
        standing = [[row and row.identity for _, row in each.controls] for each in (ours, theirs)]
        assert standing[0] == standing[1]


def test_rows_with_fewer_than_five_seeds_are_shown_provisional_and_claim_no_order(world: World) -> None:
    """“At least 5 seeds for a board row that claims an order … Fewer seeds: shown, marked provisional.”"""
    few = 0
    for analysis, runs in world.groups():
        for table in (accuracy(analysis), lead(analysis, machines(runs)[0])):
            order = []
            several = sum(len(by_hand.by_seed(row)) >= 5 for row in by_hand.rows(runs).values()) > 1
            for row, shown in cells(table):
                seeds = len(by_hand.by_seed(by_hand.rows(runs)[boards.key_of(row)]))
                assert name(row).endswith(r"\*") == (seeds < 5)
                assert ("rank" in shown and shown["rank"].number is not None) == (seeds >= 5 and several)
                order.append(seeds < 5)
                few += seeds < 5
            assert len(order) == len(analysis.group.rows)
            assert order == sorted(order)  # below the others
    assert few > 1


def test_runs_on_a_machine_that_are_fewer_than_five_are_marked_there() -> None:
    """“Fewer seeds: shown, marked provisional”: PKD has six seeds, but two of them on the other machine."""
    analysis, _ = made().section("cifar100")
    text = page(made())
    assert not name(analysis.group.row_of("pkd")).endswith("*")
    expected = {"kd": 5, "sp": 5, "pkd": 2, "scratch": 2}
    for make in (times, memory):
        assert {line.of.method: line.seeds for line in make(analysis, THERE).lines} == expected
    # FSP's only run there diverged.
    assert {line.of.method: line.seeds for line in matching(analysis, THERE).lines} == expected | {"fsp": 0}
    assert re.search(rf"pkd\\\* on {THERE}", text)


def test_the_controls_and_the_teacher_are_always_on_the_board(world: World) -> None:
    """“The board always has `scratch` and `kd`, and the teacher's own row.”"""
    for analysis, runs in world.groups():
        lines = accuracy(analysis).lines
        teacher = next(run.teacher for run in runs if run.teacher)
        assert lines[0].of == f"teacher: {teacher.network}"
        assert teacher.test in [figure.number for figure in lines[0].figures]
        there = {key[0] for key in by_hand.rows(runs)}
        for control in ("scratch", "kd"):
            assert [row.method for row, _ in cells(accuracy(analysis))].count(control) == sum(
                key[0] == control for key in by_hand.rows(runs)
            )
            assert control in there


def test_a_control_without_a_run_is_named_as_missing() -> None:
    """“The board always has `scratch` and `kd`”: where nobody ran one, the section says that it is not there."""
    without = World([run for run in made().records if run.cell.method.name != "scratch"])
    assert "The control scratch has no run here: nothing can be held against it." in page(without)


def test_a_rung_of_the_ladder_alone_stands_in_no_table_with_whole_budgets() -> None:
    """“Equal budgets”: where nobody ran the whole budget of a pair, its section and the first tables say so."""
    quarter = boards.runs(["scratch", "kd"], budget=0.25)
    text = page(World([*quarter, *boards.runs(["scratch", "kd"], task="sst2")]))
    assert "## cifar100 v1 · resnet56->resnet20 · fair v1, 0.25 of the budget" in text
    short = text[text.index("## In short") : text.index("## cifar100")]
    heads = re.findall(r"### (.*)", short)
    assert heads == [f"fair v1, on {HERE}", f"fair v1, 0.25 of the budget, on {HERE}"]
    whole, rung = short.split(f"### {heads[1]}")
    assert "sst2" in whole
    assert "cifar100" not in whole
    assert "sst2" not in rung


def test_paper_has_no_target_and_a_section_of_its_own() -> None:
    """“Its rows never mix with fair rows”; without `select` nothing can be matched."""
    analysis, runs = made().section("cifar100", "paper")
    assert {run.cell.protocol["name"] for run in runs} == {"paper"}
    assert isinstance(analysis.target, str)
    assert matching(analysis, HERE) is None
    assert not any("paper" in each.protocol and each.profile for each in over_tasks(made().board))
    assert "## cifar100 v1 · resnet56->resnet20 · paper v1" in page(made())


# --- Time ---


def test_times_and_memory_are_of_one_machine(world: World) -> None:
    """“Timings compare only within one hardware fingerprint. Beside seconds stand `steps` and … FLOPs.”"""
    for analysis, runs in world.groups():
        for machine in machines(runs):
            for make in (lead, times):
                table = make(analysis, machine)
                assert table.machine == machine
                for row, shown in cells(table):
                    own = by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine)
                    expected = by_hand.mean(run.cost.train_seconds for run in own) if own else None
                    figure = shown["training time"]
                    assert figure.number == (pytest.approx(expected) if own else None)
                    if own:
                        assert figure.text.endswith(f" ({len(own)})")
                    if make is times:
                        assert shown["steps"].number == by_hand.upper_median([run.cost.steps for run in own])
                        assert shown["training FLOPs"].number == by_hand.upper_median(
                            [run.cost.train_flops for run in own]
                        )
            for row, shown in cells(memory(analysis, machine)):
                own = by_hand.done(by_hand.rows(runs)[boards.key_of(row)], machine)
                reserved = [run.cost.peak_device_reserved_bytes for run in own]
                if None not in reserved:
                    ordered = sorted(reserved)
                    middle = (ordered[(len(own) - 1) // 2] + ordered[len(own) // 2]) / 2
                    assert shown["reserved"].number == middle
                assert shown["student parameters"].number == own[0].cost.parameters
                assert shown["extra parameters"].number == max(run.cost.extra_parameters for run in own)


def test_the_board_names_one_machine_over_every_table_of_times() -> None:
    """“Timings compare only within one hardware fingerprint”: on the page, tables of two machines are apart."""
    text = page(made())
    for machine in (HERE, THERE):
        assert f"Time, memory, networks on {machine}" in text
    seconds = re.findall(r"\| kd +\|[^\n]*?([0-9.]+) ± [0-9.]+ s \(5\)", text)
    assert {float(each) < 30 for each in seconds} == {True, False}
    [there] = [each for each in over_tasks(made().board) if each.machine == THERE and "fair" in each.protocol]
    assert all(run.record.machine == THERE for cell in there.cells for run in runs_on(cell.group, THERE))


def test_rows_with_too_few_seeds_on_a_machine_are_in_no_profile_of_it() -> None:
    """“At least 5 seeds for a board row that claims an order”: PKD has two seeds on the other machine."""
    [found] = [each for each in over_tasks(made().board) if each.machine == THERE]
    assert found.profile.ratios.keys() == {"kd", "sp"}
