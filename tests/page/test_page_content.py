"""What the page shows of a group: the board's own figures, and nothing of different hardware in one table."""

import itertools
from pathlib import Path

import pages
import pytest
from records import failure, placed, record

from bench.board.entries import entries
from bench.board.group import groups
from bench.board.leaderboard import leaderboard
from bench.page.content import content, differences, overview
from bench.page.facts import notes

ROOT = Path("/repo")


def grouped(records):
    return groups(entries(placed(records), ROOT))


def shown(records):
    group = grouped(records)[0]
    return content(group, " · ".join(group.title))


def tables(group):
    """Every table of a group, with the machine of its figures."""
    yield None, group["accuracy"]
    for machine in group["machines"]:
        yield machine["name"], machine["costs"]
        yield machine["name"], machine["networks"]


def written(group):
    """Row → the texts of the figures on one machine or in the accuracy table."""
    labels = {row["id"]: row["label"] for row in group["rows"]}
    return [
        (machine, labels.get(row["name"], row["name"]), [text for text, _ in row["figures"]])
        for machine, table in tables(group)
        for row in table["rows"]
    ]


def test_every_figure_stands_on_the_board():
    made = [each for each in pages.made() if each.cell.task.name == "cifar100"]
    board = [
        {cell.strip() for cell in line.strip("|").split("|")}
        for line in leaderboard(placed(made), ROOT).splitlines()
        if line.startswith("|")
    ]
    lines = written(shown(made))
    assert len(lines) > 12
    for _, label, figures in lines:
        assert any({text for text in figures if text} <= cells for cells in board), (label, figures)


def test_columns_say_what_they_mean():
    for _, table in tables(shown(pages.made())):
        ids = [column["id"] for column in table["columns"]]
        assert len(set(ids)) == len(ids)
        for column in table["columns"]:
            assert column["title"]
            assert column["explanation"].endswith(".")
            assert column["kind"] in ("number", "text")
        assert all(len(row["figures"]) == len(ids) for row in table["rows"])


def test_what_sorts_is_the_number_that_is_written():
    group = shown(pages.made())
    columns = [column["id"] for column in group["machines"][0]["costs"]["columns"]]
    kd = next(row for row in group["rows"] if row["label"] == "kd")["id"]
    figures = next(row for row in group["machines"][0]["costs"]["rows"] if row["name"] == kd)["figures"]
    assert dict(zip(columns, figures, strict=True))["seconds"] == ["44.0 ± 0.0 s (5)", 44.0]
    assert figures[columns.index("match-ratio")] == ["0.92", pytest.approx(11 / 12)]


def test_never_is_infinite_and_unknown_is_nothing():
    never = [record("kd", seed, select=(50.0,) * 4) for seed in range(5)]
    group = shown([*never, *(record("pkd", seed) for seed in range(5))])
    kd = group["rows"][[row["label"] for row in group["rows"]].index("kd")]["id"]
    machine = group["machines"][0]
    columns = [column["id"] for column in machine["costs"]["columns"]]
    figures = next(row for row in machine["costs"]["rows"] if row["name"] == kd)["figures"]
    assert figures[columns.index("match-seconds")] == ["∞ (0/5)", "inf"]
    assert figures[columns.index("match-ratio")] == ["∞", "inf"]
    assert ["–", None] in next(row for row in group["accuracy"]["rows"] if row["name"] == kd)["figures"]


def test_machines_share_no_table_of_costs():
    made = [each for each in pages.made() if each.cell.task.name == "cifar100"]
    group = shown(made)
    assert [machine["name"] for machine in group["machines"]] == ["cpu-2c-8g", "gpu"]
    labels = {row["id"]: row["label"] for row in group["rows"]}
    for machine in group["machines"]:
        alone = shown([each for each in made if each.machine == machine["name"]])
        rows = {labels[row["name"]] for row in machine["costs"]["rows"]}
        assert rows == {each.cell.method.name for each in made if each.machine == machine["name"] and each.ok}
        seconds = [[row["name"], row["figures"][0]] for row in machine["costs"]["rows"]]
        assert sorted(seconds) == sorted(
            [row["name"], row["figures"][0]] for row in alone["machines"][0]["costs"]["rows"]
        )
        assert {point["row"] for point in machine["points"]} == {row["name"] for row in machine["costs"]["rows"]}


def test_no_target_no_columns_of_it():
    group = shown([record("kd")])
    assert group["target"] is None
    assert ["Target", "None: 0 of 5 pkd seeds."] in [list(each) for each in group["facts"]]
    assert not [column for column in group["machines"][0]["costs"]["columns"] if column["id"].startswith("match")]


def test_differences_are_the_boards():
    group = grouped(pages.made())[0]
    told = differences(group)
    table = content(group, "")
    names = {row["label"]: row["id"] for row in table["rows"]}
    for one, other in itertools.combinations(names.values(), 2):
        assert (other in told[one]) != (one in told[other])
    kd, scratch = names["kd"], names["scratch"]
    assert (told[kd].get(scratch) or told[scratch].get(kd))[0].lstrip("+-") == "1.00 ± 0.00 (5)"


def test_failures_are_told_with_their_last_line():
    group = shown(pages.made())
    failed = [run for row in group["rows"] for run in row["runs"] if run["status"] != "ok"]
    assert {run["reason"] for run in failed} == {"FloatingPointError: the loss is nan at step 7", "lines"}
    assert all(not run["counted"] for run in failed)


def test_a_group_of_failures_alone():
    group = shown([failure("kd")])
    assert group["machines"] == []
    assert group["accuracy"]["rows"][0]["figures"][0] == ["–", None]


def test_overview_counts():
    cifar, digits = (overview(group, " · ".join(group.title)) for group in grouped(pages.made()))
    assert (cifar["methods"], cifar["seeds"], cifar["runs"], cifar["failed"]) == (6, 5, 26, 2)
    assert cifar["machines"] == ["cpu-2c-8g", "gpu"]
    assert (digits["task"], digits["pair"], digits["protocol"]) == ("digits v1", "resnet14->resnet8", "fair v1")
    assert digits["marks"] == ""


def test_notes():
    skipped = record().model_copy(update={"skipped": {"fsp": "widths differ"}, "task_note": "small"})
    told = notes(grouped([skipped, record(seed=1, source="d" * 64), record(seed=2, machine="gpu", select_items=9)])[0])
    assert told[:3] == [
        "small",
        "Skipped: fsp: widths differ.",
        "kd: its runs were made by 2 different sources of one version.",
    ]
    assert told[3].startswith("The table of accuracy takes one run per seed: from cpu-2c-8g")
    assert told[4].startswith("Fewer than 1,000 select items")
