"""What may stand in one table, what is one row, and which runs a row counts."""

import json
from pathlib import Path

import pytest
from records import failure, placed, protocol, record

from bench.board.entries import BoardRecord, entries
from bench.board.group import groups
from bench.board.target import Target, target_of
from bench.errors import StoreError
from bench.store import Store

ROOT = Path("/repo")
PKD_ENDS = {  # seed → evaluations on select; m at the end is the mean of the last 3
    0: (50.0, 60.0, 63.0, 66.0),  # 63.0
    1: (50.0, 61.0, 64.0, 67.0),  # 64.0
    2: (50.0, 59.0, 62.0, 65.0),  # 62.0
    3: (50.0, 60.5, 63.5, 66.5),  # 63.5
    4: (50.0, 58.0, 61.0, 64.0),  # 61.0
    5: (50.0, 58.0, 61.0, 63.0),  # 60.67
}


def grouped(*made):
    return groups(entries(placed(made), ROOT))


def labels(group):
    return [row.label for row in group.rows]


def pkd(seeds, **options):
    return [record("pkd", seed, select=PKD_ENDS[seed], **options) for seed in seeds]


@pytest.mark.parametrize(
    "other",
    [
        {"task": "sst2"},
        {"task_version": 2},
        {"pair": ("resnet56", "vgg8")},
        {"rules": protocol("quick")},
        {"rules": protocol(version=2)},
        {"rules": protocol(evaluations=41)},
        {"precision": "bfloat16"},
        {"teacher": "d" * 64},
        {"pretrained": "e" * 64},
    ],
    ids=lambda other: next(iter(other)),
)
def test_never_in_one_group(other):
    assert len(grouped(record(), record(seed=1))) == 1
    assert len(grouped(record(), record(seed=1, **other))) == 2


def test_a_failure_stands_under_its_own_teacher_alone():
    broken = failure("kd", 1)
    other = record("kd", 2, teacher="d" * 64, teacher_key="e" * 64)
    ours, theirs = grouped(record("kd"), broken, other)
    assert [len(group.row_of("kd").failures) for group in (ours, theirs)] == [1, 0]
    # Where nothing tells whose it is, it is nowhere lost.
    lost = failure("kd", 1, teacher_key="9" * 64)
    assert [len(group.row_of("kd").failures) for group in grouped(record("kd"), lost, other)] == [1, 1]


def test_the_first_machine_is_the_one_where_the_teachers_runs_are():
    there = [record("scratch", seed, machine="there") for seed in range(9)]
    here = [record("scratch", machine="here", test=1.0), record("kd", machine="here", teacher="d" * 64)]
    [group] = grouped(*there, *here)
    assert group.machines == ("here", "there")
    assert group.row_of("scratch").scores[0] == 1.0


def test_runs_without_a_teacher_stand_with_every_teacher():
    first, second = grouped(record(teacher="a" * 64), record(teacher="d" * 64, machine="m2"), record("scratch"))
    assert labels(first) == labels(second) == ["kd", "scratch"]
    assert (first.teacher.sha256[0], second.teacher.sha256[0]) == ("a", "d")
    assert [len(group.row_of("kd").entries) for group in (first, second)] == [1, 1]


def test_a_failure_before_its_teacher_is_known_is_nowhere_lost():
    found = grouped(record(teacher="a" * 64), record(seed=1, teacher="d" * 64), failure("at"))
    assert [labels(group) for group in found] == [["at", "kd"], ["at", "kd"]]


def test_group_without_any_teacher():
    (group,) = grouped(record("scratch"), record("dml"))
    assert group.teacher is None
    assert labels(group) == ["dml", "scratch"]


def test_labels_show_only_what_differs():
    made = [
        record("kd", parameters={"alpha": 0.9, "temperature": 4.0, "mapping": "skip"}),
        record("kd", parameters={"alpha": 0.9, "temperature": 2.0, "mapping": "last"}),
        record("at", parameters={"beta": 1000.0}),
    ]
    (group,) = grouped(*made)
    assert sorted(labels(group)) == ["at", "kd[mapping=last, temperature=2.0]", "kd[mapping=skip, temperature=4.0]"]


def test_versions_of_a_method_are_rows_of_their_own():
    (group,) = grouped(record("kd"), record("kd", version=2, parameters={"new": True}))
    assert labels(group) == ["kd v2[new=true]", "kd v1"]


def test_a_control_is_the_set_with_most_seeds():
    hot = [record("kd", seed, parameters={"temperature": 8.0}) for seed in range(3)]
    usual = [record("kd", seed, parameters={"temperature": 4.0}) for seed in range(4)]
    (group,) = grouped(*hot, *usual)
    assert group.row_of("kd").label == "kd[temperature=4.0]"
    assert group.row_of("pkd") is None


def test_a_method_that_only_failed_is_no_control():
    (group,) = grouped(failure("kd"), record("scratch"))
    assert group.row_of("kd") is None


def test_a_seed_on_two_machines_counts_once():
    here = [record("kd", seed, test=70.0 + seed, machine="m2") for seed in (0, 1)]
    there = [record("kd", seed, test=60.0 + seed, machine="m1") for seed in (1,)]
    (group,) = grouped(*here, *there)
    (row,) = group.rows
    assert group.machines == ("m2", "m1")
    assert row.scores == {0: 70.0, 1: 71.0}
    assert [len(row.on(machine)) for machine in group.machines] == [2, 1]


def test_a_seed_that_only_the_other_machine_has_counts():
    here = [record("kd", seed, test=70.0, machine="m2") for seed in (0, 1)]
    (group,) = grouped(*here, record("kd", 5, test=65.0, machine="m1"))
    assert group.rows[0].scores == {0: 70.0, 1: 70.0, 5: 65.0}


def test_success_beats_failure_of_the_same_cell_and_copies_count_once():
    good, bad = record(), failure()
    at = [(ROOT / "results" / name, each) for name, each in (("b", bad), ("a", good), ("copy", good))]
    for order in (at, at[::-1]):
        (kept,) = entries(order, ROOT)
        assert kept.link == "results/a"
        assert kept.record.ok


def test_links_are_relative_to_the_board():
    (entry,) = entries([(Path("/repo/results/m/x.json"), record())], Path("/repo/docs"))
    assert entry.link == "../results/m/x.json"


def test_a_record_whose_protocol_is_none_names_its_file():
    rules = protocol()
    del rules["window"]
    with pytest.raises(StoreError, match=r"/repo/results/.*cell.protocol lacks window"):
        grouped(record(rules=rules))


# --- the target ---


def test_target_by_hand():
    (group,) = grouped(*pkd(range(5)))
    target = target_of(group)
    assert target.value == pytest.approx(63.0 - 0.3)
    assert target.by_seed == pytest.approx({0: 63.0, 1: 64.0, 2: 62.0, 3: 63.5, 4: 61.0})


def test_target_of_an_even_number_is_the_lower_median():
    (group,) = grouped(*pkd(range(6)))
    assert target_of(group).value == pytest.approx(62.0 - 0.3)


def test_target_follows_the_protocol_not_the_name():
    rules = protocol(target="sp", target_seeds=2, target_margin=1.0, window=1)
    made = [record("sp", seed, select=PKD_ENDS[seed], rules=rules) for seed in (0, 1)]
    (group,) = grouped(*made, *pkd(range(5), rules=rules))
    target = target_of(group)
    assert target.row.method == "sp"
    assert target.value == 65.0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ([record("kd")], "0 of 5 pkd seeds"),
        (pkd(range(3)), "3 of 5 pkd seeds"),
        ([*pkd(range(4)), failure("pkd", 4)], "4 of 5 pkd seeds"),
        ([*pkd(range(4)), record("pkd", 4, select=(60.0, 61.0))], "4 of 5 pkd seeds with 3 evaluations"),
        (pkd(range(5), rules=protocol(select=False)), "the protocol has no select split"),
    ],
)
def test_no_target_says_why(made, reason):
    (group,) = grouped(*made)
    assert target_of(group) == reason


def test_configuration_hash_is_that_of_the_configuration():
    def configuration(**options):
        (group,) = grouped(*pkd(range(5), **options))
        target = target_of(group)
        assert isinstance(target, Target)
        return target.configuration

    assert configuration() == configuration(machine="m2", seconds=3.0)
    others = [
        {"task_version": 2},
        {"precision": "bfloat16"},
        {"parameters": {"beta": 1.0}},
        {"version": 2},
        {"teacher": "d" * 64},
        {"rules": protocol(window=2)},
        {"pretrained": "e" * 64},
    ]
    assert len({configuration(), *(configuration(**other) for other in others)}) == 1 + len(others)


def test_the_defaults_stand_for_a_method_whatever_was_tuned():
    default = record("kd", 0, parameters={"temperature": 4.0})
    tuned = [
        record("kd", seed, parameters={"temperature": 2.0}).model_copy(update={"tuned": {"temperature": 2.0}})
        for seed in range(3)
    ]
    [group] = grouped(default, *tuned)
    assert group.row_of("kd").label == "kd[temperature=4.0]"
    [alone] = grouped(*tuned)
    assert alone.rows[0].label == "kd[temperature=2.0]"


def test_the_boards_form_of_a_record_gives_the_same_groups_and_is_checked(tmp_path):
    store = Store(tmp_path)
    for made in (*pkd(range(5)), record("scratch"), failure("kd", 1)):
        store.write(made)
    whole, short = groups(entries(store.records(), ROOT)), groups(entries(store.records(BoardRecord), ROOT))
    assert [labels(group) for group in whole] == [labels(group) for group in short]
    targets = [target_of(group) for group in (*whole, *short)]
    assert targets[0].value == targets[1].value
    path = next(path for path, each in store.records() if each.ok)
    content = json.loads(path.read_text())
    content["curve"]["steps"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="differ in length"):
        list(store.records(BoardRecord))
