"""The tables of a group against figures worked out by hand."""

import pytest
from records import MIB, changed, failure, protocol, record
from small_boards import EARLY, KD, SCRATCH, analysis, golden, pkd, texts

from bench.board.table import Column, Figure, Line, Table
from bench.board.tables.accuracy import accuracy, failed
from bench.board.tables.fidelity import fidelity
from bench.board.tables.lead import lead
from bench.board.tables.leaders import leaders
from bench.board.tables.match import brackets, matching
from bench.board.tables.memory import memory
from bench.board.tables.networks import networks
from bench.board.tables.time import times

HERE = "cpu-2c-8g"
GOLDEN = analysis(*golden())


def shown(table, *titles):
    """label → the columns of these titles."""
    return {label: [cells.get(title) for title in titles] for label, cells in texts(table).items()}


# --- accuracy ---


def test_accuracy_by_hand():
    columns = ("rank", "test accuracy", "sd", "vs scratch", "p vs scratch", "vs kd", "p vs kd", "failed")
    # kd − scratch and pkd − kd are 1.0, 1.3, .8, 1.3, .6 in some order and sign: t = 7.25, p = .00191.
    # In a family of three, of which one is 0: 2 · .00191.
    assert shown(accuracy(GOLDEN), *columns) == {
        "teacher: resnet56": ["–", "72.25", "–", "–", "–", "–", "–", ""],
        "pkd": ["1", "70.40 ± 0.39 (5)", "0.32", "+2.00 ± 0.00 (5)", "< 0.001", "+1.00 ± 0.38 (5)", "0.004", ""],
        "kd": ["2", "69.40 ± 0.42 (5)", "0.34", "+1.00 ± 0.38 (5)", "0.004", "–", "–", ""],
        "scratch": ["3", "68.40 ± 0.39 (5)", "0.32", "–", "–", "-1.00 ± 0.38 (5)", "0.004", ""],
        "at": ["–", "71.00 ± 6.35 (2)", "0.71", "+2.90 ± 5.08 (2)", "–", "+1.75 ± 3.18 (2)", "–", "1 failed (nan)"],
    }
    assert list(texts(accuracy(GOLDEN))) == ["teacher: resnet56", "pkd", "kd", "scratch", "at"]


def test_only_what_holds_after_holm_is_bold():
    rows = lead(GOLDEN, HERE).lines[1:]
    strong = {line.of.label: [figure.strong for figure in line.figures] for line in rows}
    assert strong["pkd"][2:4] == [True, True]
    assert strong["kd"][2:4] == [True, False]
    assert strong["at"][2:4] == [False, False]
    assert not any(figure.strong for line in lead(GOLDEN, HERE).lines for figure in line.figures[4:])


def test_provisional_rows_stand_below_by_name_whatever_their_metric():
    made = [record("kd", seed, test=-3.0) for seed in range(5)] + [record("fsp", test=90.0), record("at", test=1.0)]
    assert list(texts(accuracy(analysis(*made))))[1:] == ["kd", "at", "fsp"]


def test_at_best_select_is_another_column():
    made = [record("kd", seed, test=70.0, test_selected=71.0 + seed) for seed in range(3)]
    assert texts(accuracy(analysis(*made)))["kd"]["at best select"] == "72.00 ± 2.48 (3)"


def test_over_items_and_seeds_is_for_small_test_sets_of_an_accuracy():
    labels = [0] * 20
    half = [[0] * 10 + [1] * 10] * 5
    made = [record("kd", seed, predicted=each, labels=labels) for seed, each in enumerate(half)]
    low, high = texts(accuracy(analysis(*made)))["kd"]["over items and seeds"].split("–")
    # Equal seeds: the middle 95% of a binomial of 20 at ½ are 6 to 14.
    assert (low, high) == ("30.00", "70.00")
    large = [changed(each, test_items=1000) for each in made]
    assert "over items and seeds" not in texts(accuracy(analysis(*large)))["kd"]
    scores = {"test": {"f1": 50.0, "accuracy": 50.0}, "test_selected": None}
    other = [changed(each, metric="f1", result=scores) for each in made]
    assert "over items and seeds" not in texts(accuracy(analysis(*other)))["kd"]


def test_further_metrics_stand_beside_the_primary_one():
    made = [
        record("scratch"),
        *(changed(record("kd", seed), result={"test": {"accuracy": 70.0, "f1": 80.0 + seed}}) for seed in range(2)),
    ]
    table = texts(accuracy(analysis(*made)))
    assert table["kd"]["test f1"] == "80.50 ± 6.35 (2)"
    assert table["scratch"]["test f1"] == table["teacher: resnet56"]["test f1"] == "–"
    assert list(table["kd"])[-1] == "test f1"


def test_the_most_frequent_class_is_a_line():
    made = changed(record("kd"), result={"most_frequent": {"accuracy": 52.71}})
    table = texts(accuracy(analysis(made)))
    assert table["most frequent class"]["test accuracy"] == "52.71"
    assert "most frequent class" not in texts(accuracy(GOLDEN))


def test_failures_are_counted_by_kind():
    kinds = ["oom", "nan", "oom"]
    [row] = analysis(*(failure("kd", seed, status=status) for seed, status in enumerate(kinds))).group.rows
    assert failed(row) == "3 failed (1 nan, 2 oom)"
    [row] = analysis(failure("kd", status="oom"), failure("kd", 1, status="oom")).group.rows
    assert failed(row) == "2 failed (oom)"
    assert failed(GOLDEN.group.row_of("kd")) == ""


# --- time to match ---


def test_matching_by_hand():
    """τ = 62.7. pkd reaches it at its end, 80 s, with seeds 0, 1 and 3; kd at 30 s with seeds 0, 1 and 2."""
    columns = ("time to match pkd", "× pkd", "steps", "FLOPs", "match best")
    assert shown(matching(GOLDEN, HERE), *columns) == {
        # The median of pkd's best evaluations is 66: only seeds 0, 1 and 3 have one.
        "pkd": ["80.0 s (3/5)", "1.00", "400 (3/5)", "4 G (3/5)", "80.0 s (3/5)"],
        "kd": ["30.0 s (3/5)", "0.38", "300 (3/5)", "3 G (3/5)", "30.0 s (3/5)"],
        "scratch": ["∞ (0/5)", "∞", "∞ (0/5)", "∞ (0/5)", "∞ (0/5)"],
        # Of three runs, one missed and one diverged: the middle one is a miss.
        "at": ["∞ (1/3)", "∞", "∞ (1/3)", "∞ (1/3)", "∞ (1/3)"],
    }


def test_time_to_match_the_control_by_the_same_rule():
    """kd's m at the end: 65, 65, 65, 58.67, 58.67: τ = 64.7, which its own first three seeds have at the end."""
    assert shown(matching(GOLDEN, HERE), "time to match kd", "× kd") == {
        "pkd": ["∞ (0/5)", "∞"],
        "kd": ["40.0 s (3/5)", "1.00"],
        "scratch": ["∞ (0/5)", "∞"],
        "at": ["∞ (1/3)", "∞"],
    }


def test_what_the_others_have_at_the_targets_seconds():
    slow = [record("sp", seed, select=EARLY, seconds=25.0) for seed in range(2)]
    late = [record("dml", seed, select=EARLY, seconds=30.0) for seed in range(2)]
    column = "m at pkd's seconds"
    table = texts(matching(analysis(*golden(), *slow, *late), HERE))
    # pkd takes 80 s. sp's third evaluation is at 75 s, dml's at 90 s; kd was done after 40 s and stays there.
    assert table["sp"][column] == "63.00 ± 0.00 (2)"
    assert table["dml"][column] == "– (0/2)"
    assert table["pkd"][column] == "62.70 ± 1.50 (5)"
    assert table["kd"][column] == "62.47 ± 4.31 (5)"


def test_brackets():
    rows = {row.method: row for row in GOLDEN.group.rows}
    assert brackets(GOLDEN, rows["kd"], HERE, GOLDEN.target) == "20–30 s, 20–30 s, 20–30 s, ∞, ∞"
    assert brackets(GOLDEN, rows["pkd"], HERE, GOLDEN.target) == "60–80 s, 60–80 s, ∞, 60–80 s, ∞"


def test_the_targets_own_ratio_is_one_also_where_a_run_diverged():
    made = [record("pkd", seed, seconds=10.0 * (seed + 1)) for seed in range(5)]
    columns = ("time to match pkd", "× pkd")
    assert shown(matching(analysis(*made), HERE), *columns)["pkd"] == ["120 s (5/5)", "1.00"]
    # Six runs, one of which never arrives: the upper median is the fourth.
    assert shown(matching(analysis(*made, failure("pkd", 5)), HERE), *columns)["pkd"] == ["160 s (5/6)", "1.00"]
    # A run that ended for another reason says nothing of the method.
    oom = failure("pkd", 5, status="oom")
    assert shown(matching(analysis(*made, oom), HERE), *columns)["pkd"] == ["120 s (5/5)", "1.00"]


def test_a_method_that_only_diverged_is_a_miss():
    made = [*pkd(), *(failure("at", seed) for seed in range(3))]
    assert texts(matching(analysis(*made), HERE))["at"]["time to match pkd"] == "∞ (0/3)"


def test_seeds_count_but_times_are_of_the_machine():
    """The target is from all seeds; the times are those of one machine, where the target method may have none."""
    there = [record("kd", seed, select=EARLY, seconds=1.0, machine="gpu") for seed in range(4)]
    found = analysis(*golden(), *there)
    columns = ("time to match pkd", "× pkd", "m at pkd's seconds")
    assert shown(matching(found, "gpu"), *columns) == {"kd": ["3.00 s (4/4)", "–", "–"]}
    assert [line.seeds for line in matching(found, "gpu").lines] == [4]
    assert shown(matching(found, HERE), *columns[:2])["kd"] == ["30.0 s (3/5)", "0.38"]


@pytest.mark.parametrize("made", [[record("kd")], pkd(rules=protocol(select=False))])
def test_no_target_no_table(made):
    found = analysis(*made)
    assert matching(found, HERE) is None
    assert "time to match pkd" not in texts(lead(found, HERE))[made[0].cell.method.name]


def test_where_times_are_not_ranked_the_titles_say_so():
    small = analysis(*pkd(select_items=999))
    constant = analysis(*(changed(each, result={"most_frequent_select": 62.7}) for each in pkd()))
    below = analysis(*(changed(each, result={"most_frequent_select": 62.69}) for each in pkd()))
    assert [found.ranked for found in (small, constant, below, analysis(*pkd(select_items=1000)))] == [
        False, False, True, True
    ]  # fmt: skip
    for found in (small, constant):
        assert "time to match pkd (not ranked)" in texts(matching(found, HERE))["pkd"]
        assert "time to match pkd (not ranked)" in texts(lead(found, HERE))["pkd"]


# --- the other tables ---


def test_lead_by_hand():
    columns = ("rank", "test accuracy", "training time", "time to match pkd", "× pkd", "failed")
    assert shown(lead(GOLDEN, HERE), *columns) == {
        "teacher: resnet56": ["–", "72.25", "–", "–", "–", ""],
        "pkd": ["1", "70.40 ± 0.39 (5)", "80.0 ± 0.0 s (5)", "80.0 s (3/5)", "1.00", ""],
        "kd": ["2", "69.40 ± 0.42 (5)", "40.0 ± 0.0 s (5)", "30.0 s (3/5)", "0.38", ""],
        "scratch": ["3", "68.40 ± 0.39 (5)", "40.0 ± 0.0 s (5)", "∞ (0/5)", "∞", ""],
        "at": ["–", "71.00 ± 6.35 (2)", "40.0 ± 0.0 s (2)", "∞ (1/3)", "∞", "1 failed (nan)"],
    }


def test_time_by_hand():
    made = [
        record("kd", seed, select=select, seconds=10.0)
        for seed, select in enumerate([(60.0, 66.0, 65.95, 66.0), (60.0, 65.95, 66.0, 65.0), (61.0, 60.0, 60.0, 60.0)])
    ]
    columns = ("training time", "steps", "training FLOPs", "to best", "to near best", "warm-up", "evaluation", "total")
    # To the best: 20, 30, 10 s; to within .1 of it: 20, 20, 10 s.
    assert shown(times(analysis(*made), HERE), *columns) == {
        "kd": ["40.0 ± 0.0 s (3)", "400", "4 G", "20.0 s", "20.0 s", "1.00 s", "2.00 s", "50.0 s"]
    }
    even = analysis(*made[:2])
    assert shown(times(even, HERE), "to best", "to near best") == {"kd": ["25.0 s", "20.0 s"]}
    assert "to best" not in texts(times(analysis(record(select=[None] * 4)), HERE))["kd"]


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        # On a GPU, what the cell added to what was allocated before.
        ({"peak_device_allocated_bytes": 1000 * MIB, "device_before_bytes": 300 * MIB}, "700 MiB"),
        ({"peak_device_allocated_bytes": 1000 * MIB, "device_before_bytes": None}, "1,000 MiB"),
        # On a CPU, what is counted, whatever the resident set is.
        ({"peak_tensor_bytes": 64 * MIB}, "64 MiB"),
        ({"peak_device_allocated_bytes": 10 * MIB, "peak_tensor_bytes": 64 * MIB}, "10 MiB"),
        ({}, None),
    ],
)
def test_peak_memory(cost, expected):
    found = analysis(changed(record("kd"), cost=cost))
    assert texts(memory(found, HERE))["kd"].get("peak memory") == expected
    assert texts(lead(found, HERE))["kd"].get("peak memory") == expected


def test_memory_by_hand():
    made = [
        changed(record("pkd", seed, resident=(100 * MIB, resident)), cost={"energy_joules": joules})
        for seed, (resident, joules) in enumerate([(300 * MIB, 1500.0), (310 * MIB, None), (350 * MIB, 2500.0)])
    ]
    assert texts(memory(analysis(*made), HERE)) == {
        "pkd": {
            "runs": "3",
            "resident set": "210 MiB (200–250)",
            "student parameters": "278,324",
            "extra parameters": "1,024",
            "energy, J": "2.5 k",
        }
    }
    unknown = analysis(record(resident=(None, 300 * MIB)))
    assert "resident set" not in texts(memory(unknown, HERE))["kd"]
    gpu = analysis(record(gpu_bytes=64 * MIB))
    assert texts(memory(gpu, HERE))["kd"]["reserved"] == "64 MiB"


def test_networks_by_hand():
    columns = ("runs", "parameters", "compression", "FLOPs an example", "latency", "examples a second")
    # 861,620 / 278,324
    assert shown(networks(GOLDEN, HERE), *columns) == {
        "student: resnet20": ["17", "278,324", "3.10", "41 M", "2 ms", "1.5 k"],
        "teacher: resnet56": ["12", "861,620", "–", "41 M", "2 ms", "1.5 k"],
    }
    assert list(texts(networks(analysis(record("scratch")), HERE))) == ["student: resnet20"]


def test_fidelity_by_hand():
    made = [
        changed(
            record("kd", seed),
            fidelity={
                "agreement": 75.0 + seed,
                "agreement_teacher_wrong": None if seed else 40.0,
                "confidence_teacher_wrong": 60.0,
            },
            calibration={"ece": 5.0 + seed},
        )
        for seed in range(2)
    ]
    table = texts(fidelity(analysis(*made, record("scratch"))))
    assert table["kd"] == {
        "seeds": "2",
        "agreement": "75.50",
        "… teacher right": "85.00",
        "… teacher wrong": "40.00",
        "KL": "0.500",
        "confidence": "60.00",
        "ECE": "5.50",
        "NLL": "1.200",
        "Brier": "0.400",
    }
    assert table["scratch"]["agreement"] == "–"
    assert table["scratch"]["ECE"] == "5.00"


def test_leaders_by_hand():
    [line] = leaders([GOLDEN], HERE).lines
    assert line.of == "cifar100 v1 · resnet56->resnet20"
    assert [figure.text for figure in line.figures] == [
        "pkd†", "70.40 ± 0.39 (5)", "+2.00 ± 0.00 (5)", "80.0 s (3/5)", "72.25"
    ]  # fmt: skip


def test_methods_that_nobody_beats_stand_together():
    made = [record("kd", seed, test=test) for seed, test in enumerate(KD)]
    made += [record("sp", seed, test=test + (-1) ** seed) for seed, test in enumerate(KD)]
    made += [record("scratch", seed, test=test - 5) for seed, test in enumerate(SCRATCH)]
    assert [line.figures[0].text for line in leaders([analysis(*made)], HERE).lines] == ["sp", "kd"]


def test_leaders_of_few_seeds_and_without_controls():
    [line] = leaders([analysis(*(record("kd", seed) for seed in range(5)), record("scratch"))], HERE).lines
    assert line.figures[0].text == "too few methods have 5 seeds: no order is claimed"
    rules = protocol(controls=())
    found = analysis(*(record(name, seed, rules=rules) for name in ("kd", "at") for seed in range(5)))
    assert [column.title for column in leaders([found], HERE).columns] == ["not beaten", "test", "teacher"]
    # Two protocols of one name and version may differ in their controls.
    both = leaders([GOLDEN, found], HERE)
    assert [line.figures[2].text for line in both.lines] == ["+2.00 ± 0.00 (5)", "–", "–"]


def test_empty_columns_are_left_out():
    columns = (Column("a"), Column("b"), Column("c"))
    lines = (Line("x", (Figure("–"), Figure("1"), Figure("")), 3), Line("y", (Figure("–"), Figure("–"), Figure(""))))
    table = Table("n", "t", columns, lines, "Head", "m", ("note",)).without_empty_columns()
    assert table == Table(
        "n", "t", (Column("b"),), (Line("x", (Figure("1"),), 3), Line("y", (Figure("–"),))), "Head", "m", ("note",)
    )


def test_versions_protocols_and_precisions_never_share_a_table():
    for other in (
        {"task_version": 2},
        {"rules": protocol(window=5)},
        {"precision": "bfloat16"},
        {"compiled": True},
        {"budget": 0.5, "task": "other"},
    ):
        with pytest.raises(ValueError, match="too many values"):
            analysis(record("kd"), record("scratch", **other))
