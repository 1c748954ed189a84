"""What the page shows of a group: the board's own figures, and nothing of different hardware in one table."""

import html
import itertools
from pathlib import Path

import pages
import pytest
from records import failure, placed, record

from bench.board.board import Board
from bench.board.facts import SEVERAL_MACHINES, notes
from bench.board.leaderboard import kept_targets, leaderboard
from bench.page.content import content, differences, overview
from bench.page.summary import summary_data

ROOT = Path("/repo")


def analyses(records):
    return Board.of(placed(records), ROOT).analyses


def shown(records):
    board = Board.of(placed(records), ROOT)
    analysis = board.analyses[0]
    return content(analysis, kept_targets(board, ROOT / "results"), ())


def cifar():
    return [each for each in pages.made() if each.cell.task.name == "cifar100"]


def tables(group):
    """Every table of a group."""
    yield from (group[name] for name in ("lead", "accuracy", "fidelity", "ladder") if group[name])
    for machine in group["machines"]:
        yield from machine["tables"]


def table(group, name, machine=0):
    return next(each for each in group["machines"][machine]["tables"] if each["name"] == name)


def figure(table, label, title):
    line = next(each for each in table["lines"] if each["label"] == label)
    return line["figures"][[column["title"] for column in table["columns"]].index(title)]


def test_every_figure_stands_on_the_board():
    text = leaderboard(placed(cifar()), ROOT / "results", ROOT / "LEADERBOARD.md").text
    board = [
        {html.unescape(cell.strip().strip("*")) for cell in line.strip("|").split("|")}
        for line in text.splitlines()
        if line.startswith("|")
    ]
    group = shown(cifar())
    for each in tables(group):
        for line in each["lines"]:
            figures = {text for text, _, _ in line["figures"] if text}
            assert any(
                figures <= {cell.replace("&lt;", "<").replace("&#60;", "<") for cell in cells} for cells in board
            )


def test_tables_are_whole():
    group = shown(pages.made())
    assert {each["name"] for each in tables(group)} >= {"lead", "accuracy", "match", "time", "memory", "networks"}
    for each in tables(group):
        assert each["columns"]
        for column in each["columns"]:
            assert column["kind"] in ("number", "text")
        assert all(len(line["figures"]) == len(each["columns"]) for line in each["lines"])


def test_what_sorts_is_the_number_that_is_written():
    group = shown(pages.made())
    assert figure(table(group, "time"), "kd", "training time") == ["44.0 ± 0.0 s (5)", 44.0, False]
    assert figure(table(group, "match"), "kd", "× pkd") == ["0.92", pytest.approx(11 / 12), False]
    assert figure(group["accuracy"], "kd", "vs scratch") == ["+1.00 ± 0.00 (5)", pytest.approx(1.0), True]


def test_never_is_infinite_and_unknown_is_nothing():
    never = [record("kd", seed, select=(50.0,) * 4) for seed in range(5)]
    group = shown([*never, *(record("pkd", seed) for seed in range(5))])
    assert figure(table(group, "match"), "kd", "time to match pkd") == ["∞ (0/5)", "inf", False]
    assert figure(table(group, "match"), "kd", "× pkd") == ["∞", "inf", False]
    assert figure(group["accuracy"], "kd", "vs kd") == ["–", None, False]


def test_machines_share_no_table_of_times():
    made = cifar()
    group = shown(made)
    assert [machine["name"] for machine in group["machines"]] == ["cpu-2c-8g", "gpu"]
    for machine in group["machines"]:
        (alone,) = shown([each for each in made if each.machine == machine["name"]])["machines"]
        assert {line["label"] for each in machine["tables"] for line in each["lines"] if line["row"]} <= {
            each.cell.method.name for each in made if each.machine == machine["name"]
        }
        times = [next(each for each in of["tables"] if each["name"] == "time") for of in (machine, alone)]
        ours, theirs = (sorted(line["figures"] for line in each["lines"]) for each in times)
        assert ours == theirs
        assert {point["row"] for point in machine["points"]} == {line["row"] for line in times[0]["lines"]}


def test_no_target_no_table_of_it():
    group = shown([record("kd")])
    assert group["target"] is None
    assert ("Time to match pkd", "no target (0 of 5 pkd seeds)") in group["facts"]
    assert "match" not in [each["name"] for each in group["machines"][0]["tables"]]
    assert group["machines"][0]["crossed"] == []


def test_differences_are_the_boards():
    analysis = analyses(pages.made())[0]
    told = differences(analysis)
    names = {row["label"]: row["id"] for row in shown(pages.made())["rows"]}
    for one, other in itertools.combinations(names.values(), 2):
        assert (other in told[one]) != (one in told[other])
    kd, scratch = names["kd"], names["scratch"]
    text, _, strong, p = told[kd].get(scratch) or told[scratch].get(kd)
    assert (text.lstrip("+-"), strong, p) == ("1.00 ± 0.00 (5)", True, "< 0.001")


def test_failures_are_told_with_their_last_line():
    group = shown(pages.made())
    failed = [run for row in group["rows"] for run in row["runs"] if run["status"] != "ok"]
    assert {run["reason"] for run in failed} == {"FloatingPointError: the loss is nan at step 7", "lines"}
    assert all(not run["counted"] for run in failed)


def test_a_group_of_failures_alone():
    group = shown([failure("kd")])
    assert group["machines"] == []
    assert group["lead"] is group["accuracy"] is group["verdict"] is None


def test_runs_of_smaller_budgets_stand_in_their_row():
    group = shown([*cifar(), *(pages.at_budget(record("kd", seed), 0.5) for seed in range(5))])
    kd = next(row for row in group["rows"] if row["label"] == "kd")
    assert sorted(run["budget"] for run in kd["runs"]) == [0.5] * 5 + [1] * 7
    assert group["ladder"]["lines"][0]["row"] == kd["id"]
    assert len(group["former"]) == 2


def test_a_method_of_smaller_budgets_alone_has_a_row():
    group = shown([*cifar(), *(pages.at_budget(record("dml", seed), 0.5) for seed in range(5))])
    (dml,) = (row for row in group["rows"] if row["label"] == "dml")
    assert {line["row"] for line in group["ladder"]["lines"]} == {dml["id"]}


def test_overview():
    first, digits = (overview(each) for each in analyses(pages.made()))
    assert (first["methods"], first["seeds"], first["runs"], first["failed"]) == (6, 5, 26, 2)
    assert first["machines"] == ["cpu-2c-8g", "gpu"]
    assert first["notBeaten"] == ["at"]
    assert (digits["task"], digits["pair"], digits["protocol"]) == ("digits v1", "resnet14->resnet8", "fair v1")
    assert (digits["marks"], digits["notBeaten"]) == ("", [])


def test_leaders_lead_to_their_groups():
    told = summary_data(Board.of(placed(pages.made()), ROOT))
    groups = {each["title"].rpartition(" · ")[0]: each["id"] for each in told["groups"]}
    (each,) = told["leaders"]
    assert each["table"]["machine"] == "cpu-2c-8g"
    assert {line["label"]: line["group"] for line in each["table"]["lines"]} == groups
    (over,) = told["overTasks"]
    assert (over["protocol"], over["table"]["machine"], over["profile"]) == ("fair v1", "cpu-2c-8g", None)


def test_notes():
    skipped = record().model_copy(update={"skipped": {"fsp": "widths differ"}, "task_note": "small"})
    told = notes(analyses([skipped, record(seed=1, source="d" * 64), record(seed=2, machine="gpu")])[0])
    assert told == [
        "Skipped: fsp: widths differ.",
        "The control scratch has no run here: nothing can be held against it.",
        "kd*: its runs were made by 2 different sources of one version.",
        SEVERAL_MACHINES,
    ]


def test_a_group_without_a_target_leaves_every_figure_of_its_leaders_in_place():
    with_target = [record(method, seed, test=60.0 + seed / 10) for method in ("scratch", "pkd") for seed in range(5)]
    without = [
        record(method, seed, task="digits", test=70.0 + seed / 10) for method in ("scratch", "kd") for seed in range(5)
    ]
    (each,) = summary_data(Board.of(placed([*with_target, *without]), ROOT))["leaders"]
    titles = [column["title"] for column in each["table"]["columns"]]
    place, teacher = titles.index("time to match pkd"), titles.index("teacher")
    assert {len(line["figures"]) for line in each["table"]["lines"]} == {len(titles)}
    for line in each["table"]["lines"]:
        assert line["figures"][teacher][0] == "72.25"
        assert (line["figures"][place][0] == "–") == line["label"].startswith("digits")
