"""Links are made of content: they stay when more records come."""

from pathlib import Path

from records import placed, protocol, record

from bench.board.entries import entries
from bench.board.group import groups
from bench.page.links import Links

ROOT = Path("/repo")


def grouped(records):
    return groups(entries(placed(records), ROOT))


def links(records):
    return {(Links(group).group, Links(group).row(row)) for group in grouped(records) for row in group.rows}


def test_links_stay_when_records_come():
    before = links([record("kd"), record("scratch")])
    assert len(before) == 2
    more = [record("kd", 1), record("kd", machine="gpu"), record("at"), record("kd", task="digits")]
    assert before < links([*more, record("scratch"), record("kd")])


def test_a_link_from_before_the_teacher_leads_to_its_family():
    (alone,) = grouped([record("scratch")])
    (taught,) = grouped([record("scratch"), record("kd")])
    assert Links(alone).group == Links(taught).family != Links(taught).group
    assert Links(alone).row(alone.rows[0]) in {Links(taught).row(row) for row in taught.rows}


def test_all_that_keeps_records_apart_is_in_the_links():
    different = [
        record(),
        record(task_version=2),
        record(pair=("resnet56", "resnet8")),
        record(rules=protocol(window=5)),
        record(compiled=True),
        record(pretrained="1" * 64),
        record(seed=1, teacher="d" * 64),
        record(version=2),
        record(parameters={"temperature": 2.0}),
    ]
    assert len(links(different)) == len(different)
