"""LEADERBOARD.md against figures worked out by hand, and what must hold for any records."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import MIB, failure, placed, protocol, record

from bench.board.leaderboard import difference_to_file, leaderboard

ROOT = Path("/repo")

# m at the end 63, 64, 62, 63.5, 61: lower median 63, τ = 62.7.
PKD = {
    0: (50.0, 60.0, 63.0, 66.0),
    1: (50.0, 61.0, 64.0, 67.0),
    2: (50.0, 59.0, 62.0, 65.0),
    3: (50.0, 60.5, 63.5, 66.5),
    4: (50.0, 58.0, 61.0, 64.0),
}
EARLY, NEVER = (60.0, 63.0, 66.0, 66.0), (50.0, 55.0, 60.0, 61.0)
SCRATCH = [68.0, 68.2, 68.4, 68.6, 68.8]
KD = [69.0, 69.5, 69.2, 69.9, 69.4]


def golden():
    """scratch 68.40, kd +1.00, pkd +2.00 exactly, at with three seeds of which one failed."""
    return [
        *(record("scratch", seed, test=test, select=NEVER) for seed, test in enumerate(SCRATCH)),
        *(record("kd", seed, test=test, select=EARLY if seed < 3 else NEVER) for seed, test in enumerate(KD)),
        *(
            record("pkd", seed, test=SCRATCH[seed] + 2, select=PKD[seed], seconds=20.0, adapted=True)
            for seed in range(5)
        ),
        *(record("at", seed, test=70.5 + seed, select=(EARLY, NEVER)[seed]) for seed in (0, 1)),
        failure("at", 2),
    ]


def board(made, folder=ROOT):
    return leaderboard(placed(made), folder)


def tables(text):
    """Every table of the board: {first cell of the header: {first cell of a row: other cells}}, in order."""
    found, rows = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if rows is None:
            rows = {"head": cells}
            found.append(rows)
        elif not set(cells[0]) <= {"-"}:
            rows[cells[0]] = cells[1:]
    return found


def test_accuracy_by_hand():
    accuracy = tables(board(golden()))[0]
    assert accuracy == {
        "head": ["Method", "test accuracy", "at best select", "vs scratch", "vs kd", "failed"],
        "teacher: resnet56": ["72.25", "–", "–", "–", ""],
        "pkd†": ["70.40 ± 0.39 (5)", "70.40 ± 0.39 (5)", "+2.00 ± 0.00 (5)", "+1.00 ± 0.38 (5)", ""],
        "kd": ["69.40 ± 0.42 (5)", "69.40 ± 0.42 (5)", "+1.00 ± 0.38 (5)", "–", ""],
        "scratch": ["68.40 ± 0.39 (5)", "68.40 ± 0.39 (5)", "–", "-1.00 ± 0.38 (5)", ""],
        "at\\*": ["71.00 ± 6.35 (2)", "71.00 ± 6.35 (2)", "+2.90 ± 5.08 (2)", "+1.75 ± 3.18 (2)", "1 failed (nan)"],
    }
    assert list(accuracy)[1:] == ["teacher: resnet56", "pkd†", "kd", "scratch", "at\\*"]


def test_cost_by_hand():
    cost = tables(board(golden()))[1]
    assert cost["head"][1:6] == [
        "training time",
        "training FLOPs",
        "peak memory",
        "parameters",
        "time to match",
    ]
    # pkd reaches τ = 62.7 at its end, 80 s, with seeds 0, 1 and 3; kd at 30 s with seeds 0, 1 and 2.
    assert cost["pkd†"][4:] == ["80.0 s (3/5)", "1.00", "400 (3/5)", "4 G (3/5)"]
    assert cost["kd"][4:] == ["30.0 s (3/5)", "0.38", "300 (3/5)", "3 G (3/5)"]
    assert cost["scratch"][4:] == ["∞ (0/5)", "∞", "∞ (0/5)", "∞ (0/5)"]
    # Of three runs, one missed and one diverged: the middle one is a miss.
    assert cost["at\\*"][4:] == ["∞ (1/3)", "∞", "∞ (1/3)", "∞ (1/3)"]
    assert cost["kd"][:4] == ["40.0 ± 0.0 s (5)", "4 G", "200 MiB", "278,324"]
    assert cost["pkd†"][3] == "278,324 + 1,024"


def test_the_targets_own_ratio_is_one_also_where_a_run_diverged():
    made = [record("pkd", seed, seconds=10.0 * (seed + 1)) for seed in range(5)]
    assert tables(board(made))[1]["pkd"][4:6] == ["120 s (5/5)", "1.00"]
    # Six runs, one of which never arrives: the upper median is the fourth.
    assert tables(board([*made, failure("pkd", 5)]))[1]["pkd"][4:6] == ["160 s (5/6)", "1.00"]


def test_facts_of_the_golden_board():
    text = board(golden())
    assert "τ = 62.70, from pkd† (seed: m at the end: 0: 63.00, 1: 64.00, 2: 62.00, 3: 63.50, 4: 61.00)" in text
    assert "τ reached at 20.0–30.0 s, 20.0–30.0 s, 20.0–30.0 s, ∞, ∞" in text
    assert "better than scratch: pkd† +2.00, kd +1.00." in text
    assert "Test CPU; cores 2; threads 1; memory 8 GiB; python 3.11.9; torch 2.9.0." in text
    assert "its training took 812 s where it was made" in text
    assert "nan: FloatingPointError: the loss is nan at step 7" in text
    assert "<code>python -m bench run --methods kd --seeds 0</code>" in text


def test_networks():
    networks = tables(board(golden()))[2]
    assert networks["student: resnet20"] == ["278,324", "41 M", "2 ms", "1.5 k"]
    assert networks["teacher: resnet56"] == ["861,620", "41 M", "2 ms", "1.5 k"]


def test_every_row_links_every_record():
    made = golden()
    text = board(made)
    for path, each in placed(made):
        assert f"[{each.cell.seed}]({path.relative_to(ROOT)})" in text


def test_machines_never_share_a_table_of_times():
    made = golden()
    faster = [
        record("kd", seed, test=KD[seed], select=EARLY, seconds=1.0, machine="gpu", gpu_bytes=900 * MIB, environment={})
        for seed in range(4)
    ]
    one, two = tables(board(made)), tables(board([*made, *faster]))
    assert two[:3] == one[:3]
    assert list(two[3]) == ["head", "kd\\*"]
    assert two[3]["kd\\*"][0] == "4.00 ± 0.00 s (4)"
    assert two[3]["kd\\*"][2] == "900 MiB"
    # No time of pkd on that machine: no multiple of it.
    assert two[3]["kd\\*"][4:6] == ["3.00 s (4/4)", "–"]


def test_runs_with_other_threads_are_said():
    made = [record(seed=seed, environment={"threads": seed + 1}) for seed in (0, 1)]
    assert "threads 1, 2;" in board(made)
    assert "**Runs differ in threads: their times do not compare.**" in board(made)
    assert "Runs differ" not in board(golden())


def test_two_teachers_are_two_sections_that_say_so():
    text = board([record(seed=0, teacher="a" * 64), record(seed=1, teacher="d" * 64), record("scratch")])
    assert "## cifar100 v1 · resnet56->resnet20 · fair v1 · teacher aaaaaaaa" in text
    assert "## cifar100 v1 · resnet56->resnet20 · fair v1 · teacher dddddddd" in text


def test_changed_protocol_under_one_name_is_told_apart():
    text = board([record(), record(rules=protocol(window=5))])
    assert text.count("## cifar100 v1 · resnet56->resnet20 · fair v1 · protocol ") == 2


def test_no_target_says_why():
    text = board([record("kd"), *(record("pkd", seed) for seed in range(3))])
    assert "Time to match: no target (3 of 5 pkd seeds)." in text
    assert tables(text)[1]["kd\\*"][4:] == ["–"] * 4


def test_small_select_split_is_not_ranked():
    made = [record("pkd", seed, select=PKD[seed], select_items=999) for seed in range(5)]
    assert "time to match (not ranked)" in tables(board(made))[1]["head"]
    assert "Fewer than 1,000 select items" in board(made)
    assert "not ranked" not in board(golden())


def test_protocol_without_select():
    made = [record("pkd", seed, select=[None] * 4, rules=protocol("paper", select=False)) for seed in range(5)]
    text = board(made)
    assert "no select split" in text
    assert "time to match (not ranked)" not in text


def test_fewer_than_five_seeds_claim_nothing():
    made = [record(method, seed, test=60.0 + 5 * (method == "kd")) for method in ("kd", "scratch") for seed in range(4)]
    text = board(made)
    assert "nothing is claimed" in text
    assert "better than scratch" not in text


def test_provisional_rows_stand_below_whatever_their_metric():
    made = [record("kd", seed, test=-3.0) for seed in range(5)] + [record("at", test=90.0)]
    assert list(tables(board(made))[0])[2:] == ["kd", "at\\*"]


def test_not_told_apart_and_worse():
    worse = [record("sp", seed, test=test - 1) for seed, test in enumerate(SCRATCH)]
    same = [record("fsp", seed, test=test + (-1) ** seed) for seed, test in enumerate(SCRATCH)]
    text = board([*golden(), *worse, *same])
    assert (
        "better than scratch: pkd† +2.00, kd +1.00; worse than scratch: sp -1.00; not told apart from scratch: fsp."
        in text
    )


def test_skips_are_told_with_their_reasons():
    skipped = {"tinybert": "it needs queries", "fsp": "widths 4 | 6", "kd": "was run by another command"}
    one, *rest = golden()
    other = record("tinybert", pair=("vit", "tiny"))
    text = board([one.model_copy(update={"skipped": skipped}), *rest, other])
    section = text.split("## cifar100 v1 · resnet56")[1].split("\n## ")[0]
    assert "- Skipped: tinybert: it needs queries." in section
    assert "- Skipped: fsp: widths 4 &#124; 6." in section
    assert "Skipped: kd" not in text
    assert "Not run here: tinybert" not in section


def test_memory_of_the_gpu_is_what_the_cell_added():
    made = [
        each.model_copy(update={"cost": each.cost.model_copy(update={"device_before_bytes": 300 * MIB})})
        for each in (record("kd", gpu_bytes=1000 * MIB, machine="gpu"),)
    ]
    assert "700 MiB" in board(made)
    assert "1,000 MiB" in board([record("kd", gpu_bytes=1000 * MIB, machine="gpu")])


def test_compiled_runs_have_tables_of_their_own():
    made = [record("kd"), record("kd", compiled=True)]
    text = board(made)
    assert "· float32, compiled" in text
    assert len(tables(text)) == 2 * len(tables(board(made[:1])))


def test_further_metrics_stand_beside_the_primary_one():
    def with_f1(made, f1):
        test = {**made.result.test, "f1": f1}
        return made.model_copy(update={"result": made.result.model_copy(update={"test": test})})

    made = [record("scratch"), *(with_f1(record("kd", seed, test=70.0), 80.0 + seed) for seed in range(2))]
    shown = next(each for each in tables(board(made)) if each["head"][0] == "Method")
    assert shown["head"][:3] == ["Method", "test accuracy", "at best select"]
    assert shown["head"][-2:] == ["test f1", "failed"]
    cells = {name.rstrip("*").rstrip("\\"): cells for name, cells in shown.items()}
    assert cells["kd"][-2].startswith("80.50 ± ")
    assert {cells[name][-2] for name in cells if name.startswith(("scratch", "teacher"))} == {"–"}


def test_a_table_says_which_pretrained_model_its_students_are_made_of():
    text = board([record("kd", pretrained="1" * 64), record("kd", pretrained="2" * 64)])
    assert [f"Students start from pretrained weights: <code>{each * 12}</code> is" in text for each in "123"] == [
        True,
        True,
        False,
    ]
    assert "pretrained" not in board([record("kd")])


def test_methods_that_other_pairs_have_are_named_as_absent():
    text = board([*golden(), record("fitnets", pair=("vgg13", "vgg8"))])
    assert "Not run here: fitnets." in text
    assert "Not run here: at, kd, pkd, scratch." in text
    assert "fitnets" not in board([*golden(), record("fitnets", task="sst2")]).split("## sst2")[0].split("In short")[0]


def test_only_failures():
    text = board([failure("kd", seed, status=status) for seed, status in enumerate(["oom", "nan", "oom"])])
    assert tables(text)[0]["kd\\*"][-1] == "3 failed (1 nan, 2 oom)"


def test_gpu_and_unknown_memory():
    assert tables(board([record(gpu_bytes=64 * MIB)]))[1]["kd\\*"][2] == "64 MiB"
    assert tables(board([record(resident=(None, 300 * MIB))]))[1]["kd\\*"][2] == "–"


def test_changed_source_is_said():
    text = board([record(seed=0, source="1" * 64), record(seed=1, source="2" * 64)])
    assert "its runs were made by 2 different sources of one version" in text


def test_which_variant_is_the_control_is_said():
    made = [record("kd", seed, parameters={"t": t}) for t, seeds in ((2.0, 1), (4.0, 2)) for seed in range(seeds)]
    assert "“vs kd” is against kd[t=4.0]" in board([*made, record("scratch")])


def test_no_records():
    assert "No records yet" in board([])


def test_names_cannot_break_the_page():
    nasty = "a|b<script>`x`\n# h [l](u)"
    reason = "bad | pipe\n<b>last</b> `line`"
    made = [
        record("kd", method_name, pair=(nasty, nasty), command=nasty, parameters={nasty: value})
        for method_name, value in ((0, 1), (1, 2))
    ]
    text = board([*made, failure("at", pair=(nasty, nasty), reason=reason)])
    assert "<script" not in text
    assert "<b>" not in text
    assert "\n# h" not in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("| ")}) == 3


def test_board_names_nothing_absolute():
    assert "/repo" not in board(golden())


def test_difference_to_file(tmp_path):
    path = tmp_path / "LEADERBOARD.md"
    assert "+new" in difference_to_file(path, "old\nnew\n")
    path.write_text("old\n", encoding="utf-8")
    assert difference_to_file(path, "old\n") == ""
    assert "+new\n" in difference_to_file(path, "old\nnew\n")


def test_needs_neither_torch_nor_plugins():
    program = (
        "import sys, bench.board.leaderboard, bench.board.export\n"
        "print([name for name in ('torch', 'pandas', 'methods', 'tasks', 'bench.engine') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what holds for any records ---

METRIC = st.floats(0, 100, allow_nan=False)
RUNS = st.builds(
    record,
    st.sampled_from(["scratch", "kd", "pkd", "at"]),
    st.integers(0, 6),
    test=METRIC,
    select=st.lists(METRIC, min_size=4, max_size=4),
    machine=st.sampled_from(["m1", "m2"]),
    teacher=st.sampled_from(["a" * 64, "d" * 64]),
    task=st.sampled_from(["cifar100", "sst2"]),
)
FAILED = st.builds(failure, st.sampled_from(["kd", "at"]), st.integers(0, 6), machine=st.sampled_from(["m1", "m2"]))


@settings(max_examples=50)
@given(st.lists(RUNS | FAILED, max_size=25).flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_order_of_files_never_matters(both):
    made, shuffled = both
    files = [(ROOT / "results" / f"{number}.json", each) for number, each in enumerate(made)]
    places = {id(each): path for path, each in files}
    assert leaderboard(files, ROOT) == leaderboard([(places[id(each)], each) for each in shuffled], ROOT)


@settings(max_examples=30)
@given(st.lists(METRIC, min_size=1, max_size=4), st.lists(METRIC, min_size=4, max_size=4))
def test_a_new_seed_leaves_the_figures_of_other_methods(tests, select):
    more = [record("at", 10 + number, test=test, select=select) for number, test in enumerate(tests)]
    before, after = tables(board(golden()))[:2], tables(board([*golden(), *more]))[:2]
    for old, new in zip(before, after, strict=True):
        assert {key: row for key, row in old.items() if not key.startswith("at")} == {
            key: row for key, row in new.items() if not key.startswith("at")
        }
        assert old["at\\*"] != new.get("at\\*")


@settings(max_examples=30)
@given(st.lists(st.floats(0, 62.6), min_size=4, max_size=4))
def test_an_unreached_target_is_never_a_time(select):
    cost = tables(board([*golden(), *(record("sp", seed, select=select) for seed in range(5))]))[1]
    assert cost["sp"][4:] == ["∞ (0/5)", "∞", "∞ (0/5)", "∞ (0/5)"]


@pytest.mark.parametrize("copies", [1, 2])
def test_same_records_same_bytes(copies):
    assert board(golden() * copies) == board(golden())
