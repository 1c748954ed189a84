"""What a section says beside its tables: facts, verdict, notes, failures, records."""

import html

import pytest
from records import MIB, changed, failure, placed, protocol, record
from small_boards import ROOT, SCRATCH, analysis, golden, pkd, text_of

from bench.board.facts import verdict
from bench.board.leaderboard import leaderboard

# With its lower case, so that no other sentence of the page is meant.
RANKED = "select items: times to match are shown but not ranked"


def test_facts_of_the_golden_board():
    text = text_of(golden())
    assert (
        "**Time to match pkd**: τ = 62.70, version 1, from pkd† (seed: m at the end: 0: 63.00, 1: 64.00, 2: 62.00, "
        "3: 63.50, 4: 61.00; sd 1.20; lower median − 0.3), configuration " in text
    )
    assert "**Time to match kd**: τ = 64.70, version 1, from kd (" in text
    assert "- kd: 20–30 s, 20–30 s, 20–30 s, ∞, ∞" in text
    assert "Better than scratch: pkd† +2.00, kd +1.00." in text
    assert "Test CPU; cores 2; threads 1; memory 8 GiB; python 3.11.9; torch 2.9.0." in text
    assert "its training, on no student's clock, took 812 s (cpu-2c-8g)." in text
    assert "nan: FloatingPointError: the loss is nan at step 7" in text
    assert "<code>python -m bench run --methods kd --seeds 0</code>" in text
    assert (
        "**Budget**: students see all of fit for 2 epochs, batch 64; teachers all of fit for 2; 40 evaluations." in text
    )
    assert "**Splits**: 5,000 select items, 3 test items." in text


def test_no_target_says_why():
    text = text_of([record("kd"), *pkd(range(3))])
    assert "**Time to match pkd**: no target (3 of 5 pkd seeds)." in text
    assert "**Time to match kd**: no target (1 of 5 kd seeds)." in text


def test_a_protocol_without_select():
    text = text_of(pkd(rules=protocol("paper", select=False)))
    assert "no select split" in text
    assert "no target (the protocol has no select split)" in text
    assert RANKED not in text


def test_a_small_select_split_and_a_target_that_says_nothing():
    assert f"Fewer than 1,000 {RANKED}." in text_of(pkd(select_items=999))
    assert RANKED not in text_of(golden())
    constant = [changed(each, result={"most_frequent_select": 70.0}) for each in pkd()]
    assert "Answering with the most frequent class reaches τ: times to match it show nothing." in text_of(constant)


# --- the verdict ---


def test_better_worse_and_not_told_apart():
    worse = [record("sp", seed, test=test - 1) for seed, test in enumerate(SCRATCH)]
    same = [record("fsp", seed, test=test + (-1) ** seed) for seed, test in enumerate(SCRATCH)]
    assert verdict(analysis(*golden(), *worse, *same)) == (
        "Better than scratch: pkd† +2.00, kd +1.00. Worse than scratch: sp -1.00. Not told apart from scratch: fsp."
    )


def test_fewer_than_five_seeds_claim_nothing():
    made = [record(name, seed, test=60.0 + 5 * (name == "kd")) for name in ("kd", "scratch") for seed in range(4)]
    assert verdict(analysis(*made)) == "No method has 5 seeds in common with scratch: no order is claimed."
    assert verdict(analysis(record("kd"))) == "No method has 5 seeds in common with scratch: no order is claimed."


def test_five_seeds_each_but_not_in_common_claim_nothing():
    made = [record("kd", seed) for seed in range(5)] + [record("scratch", seed) for seed in range(2, 7)]
    assert "no order is claimed" in verdict(analysis(*made))


# --- notes ---


def test_copies_are_said_and_counted_once():
    made = record("kd", 3, test=61.0)
    [(first, _)] = placed([made])
    other = first.with_name("copy of it.json")
    text = leaderboard([(first, made), (other, made)], ROOT / "results", ROOT / "LEADERBOARD.md").text
    folder = "results/cpu-2c-8g"
    said = (
        f"kd, seed 3: several files hold this cell; {folder}/{first.name} is used, left out: {folder}/copy of it.json."
    )
    assert said in text
    assert "61.00 (1)" in text
    assert "several files" not in text_of(golden())


def test_skips_are_told_with_their_reasons():
    skipped = {"tinybert": "it needs queries", "fsp": "widths 4 | 6", "kd": "was run by another command"}
    one, *rest = golden()
    other = record("tinybert", pair=("vit", "tiny"))
    text = text_of([changed(one, skipped=skipped), *rest, other])
    section = text.split("## cifar100 v1 · resnet56")[1].split("\n## ")[0]
    assert "- Skipped: tinybert: it needs queries." in section
    assert "- Skipped: fsp: widths 4 &#124; 6." in section
    assert "Skipped: kd" not in text
    assert "Not run here: tinybert" not in section


def test_methods_that_other_pairs_have_are_named_as_absent():
    text = text_of([*golden(), record("fitnets", pair=("vgg13", "vgg8"))])
    assert "Not run here: fitnets." in text
    assert "Not run here: at, kd, pkd, scratch." in text
    assert "Not run here" not in text_of([*golden(), record("fitnets", task="sst2")])


def test_a_control_that_is_absent_or_chosen_is_said():
    assert "The control scratch has no run here: nothing can be held against it." in text_of([record("kd")])
    made = [record("kd", seed, parameters={"t": t}) for t, seeds in ((2.0, 1), (4.0, 2)) for seed in range(seeds)]
    assert "“vs kd” is against kd[t=4.0]*." in html.unescape(text_of([*made, record("scratch")]))


def test_changed_source_is_said():
    text = text_of([record(seed=0, source="1" * 64), record(seed=1, source="2" * 64)])
    assert "its runs were made by 2 different sources of one version" in text


def test_a_student_that_answers_the_same_to_all_is_said():
    made = [changed(record("kd", seed, predicted=(1, 1, 1)), result={"worst_class": 0.0}) for seed in (0, 2)]
    assert "- kd*: gives every test item the same class (seeds 0, 2)." in html.unescape(text_of(made))
    assert "same class (seeds" not in text_of(golden())


def test_what_the_task_says_of_itself_is_a_note():
    made = [changed(record("kd", seed), task_note=note) for seed, note in enumerate(["dev as test", "", "dev as test"])]
    assert text_of(made).count("**Note**: dev as test.") == 1


def test_a_table_says_which_pretrained_model_its_students_are_made_of():
    text = text_of([record("kd", pretrained="1" * 64), record("kd", pretrained="2" * 64)])
    known = [f"**Pretrained**: students start from pretrained weights; {each * 12} is" in text for each in "123"]
    assert known == [True, True, False]
    assert "pretrained" not in text_of([record("kd")])


# --- machines ---


def test_machines_never_share_a_table_of_times():
    there = [
        record("kd", seed, test=1.0, seconds=1.0, machine="gpu", gpu_bytes=900 * MIB, environment={})
        for seed in range(4)
    ]
    before, after = text_of(golden()), text_of([*golden(), *there])
    assert "<summary>Time, memory, networks on gpu</summary>" in after
    assert "4.00 ± 0.00 s (4)" in after.split("networks on gpu")[1]
    assert "900 MiB" in after.split("networks on gpu")[1]
    # Accuracies are from the first machine by name, and nothing of the first machine's tables has moved.
    kept = [line for line in before.splitlines() if line.startswith("|")]
    assert all(line in after for line in kept)
    assert "where several machines ran it from the first one by name" in after


def test_runs_with_other_threads_are_said():
    made = [record(seed=seed, environment={"threads": seed + 1}) for seed in (0, 1)]
    assert "threads 1, 2;" in text_of(made)
    assert "**Runs differ in threads: their times do not compare.**" in text_of(made)
    assert "Runs differ" not in text_of(golden())


def test_the_load_of_the_machine_is_told():
    made = [record(seed=seed, environment={"load_average": load}) for seed, load in enumerate([0.25, 3.0])]
    assert "load 0.2 to 3.0" in text_of(made)


# --- failures and records ---


def test_only_failures():
    text = text_of([failure("kd", seed, status=status) for seed, status in enumerate(["oom", "nan", "oom"])])
    assert text.count("FloatingPointError") == 3
    assert "oom: FloatingPointError" in text
    assert "| kd" not in text


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("a\nb: last\n\n", "nan: b: last"), ("\n", "nan: "), ("x" * 300, "nan: " + "x" * 200 + "…")],
)
def test_the_last_line_of_a_reason_is_shown(reason, shown):
    lines = text_of([failure(reason=reason)]).splitlines()
    assert [line for line in lines if line.rstrip().endswith(shown.rstrip())]


def test_every_row_links_every_record():
    made = golden()
    text = text_of(made)
    for path, each in placed(made):
        assert f"[{each.cell.seed}]({path.relative_to('/repo')})" in text
