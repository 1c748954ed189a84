"""LEADERBOARD.md, figures and targets as files, and what must hold for any records."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import changed, failure, placed, protocol, record
from small_boards import EARLY, ROOT, analyses, board, golden, markdown_tables, pkd, text_of, texts

from bench.board.leaderboard import leaderboard
from bench.board.plots import Plot
from bench.board.tables.accuracy import accuracy
from bench.board.tables.fidelity import fidelity
from bench.board.tables.match import matching
from bench.board.tables.memory import memory
from bench.board.tables.time import times
from bench.errors import StoreError

HERE = "cpu-2c-8g"


@pytest.fixture
def quick_drawing(monkeypatch):
    """Figures that are sealed and not drawn; how they are drawn is tested elsewhere."""
    from bench.board import plots

    def svg(plot):
        text = f"<svg>{plot.name}</svg>\n"
        return f"{text}<!-- kdbench {plot.digest} {plots._sha256(text)} -->\n"

    monkeypatch.setattr(Plot, "svg", svg)


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# --- files ---


def test_writes_the_page_its_figures_and_targets_then_nothing(tmp_path):
    first = board(golden(), tmp_path)
    names = sorted(str(path.relative_to(tmp_path)) for path in first.write())
    assert names[0] == "LEADERBOARD.md"
    assert re.fullmatch(
        r"results/figures/cifar100_v1_resnet56-to-resnet20_fair_v1-cpu-2c-8g-[0-9a-f]{8}\.svg", names[1]
    )
    assert [name.rpartition("/")[2] for name in names[2:]] == ["kd.v1.json", "pkd.v1.json"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = board(golden(), tmp_path)
    assert again.differences() == ""
    assert again.write() == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    # The picture is where the page says.
    [shown] = re.findall(r"!\[[^]]*\]\(([^)]*)\)", first.text)
    ElementTree.fromstring((tmp_path / shown).read_text(encoding="utf-8"))


def test_only_what_changed_is_written(tmp_path, quick_drawing):
    other = pkd(task="sst2")
    board([*golden(), *other], tmp_path).write()
    made = [*golden(), *other, record("at", 7, select=EARLY)]
    written = [path.name for path in board(made, tmp_path).write()]
    assert len(written) == 2
    assert written[0].startswith("cifar100_v1")
    assert written[1] == "LEADERBOARD.md"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("LEADERBOARD.md", "-edited"),
        ("results/figures/*.svg", "does not show these records"),
        ("results/targets/*/*/*/pkd.v1.json", "is not stored: a new version of a target"),
    ],
)
def test_differences_name_what_write_would_change(tmp_path, quick_drawing, damage, told):
    board(golden(), tmp_path).write()
    whole = files(tmp_path)
    [path] = tmp_path.glob(damage)
    if damage.endswith(".json"):
        path.unlink()
    else:
        path.write_text("edited\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    damaged = files(tmp_path)
    differences = board(golden(), tmp_path).differences()
    assert told in differences
    assert str(path) in differences
    assert files(tmp_path) == damaged
    assert board(golden(), tmp_path).write() == [path]
    assert files(tmp_path) == whole


def test_figures_that_belong_to_no_records_are_removed_and_others_left(tmp_path, quick_drawing):
    board([*golden(), *pkd(task="sst2")], tmp_path).write()
    theirs = tmp_path / "results" / "figures" / "theirs.svg"
    theirs.write_text("<svg/>")
    left = board(golden(), tmp_path)
    assert "belongs to no records any more" in left.differences()
    left.write()
    names = sorted(path.name for path in theirs.parent.iterdir())
    assert names[0].startswith("cifar100_v1")
    assert names[1:] == ["theirs.svg"]
    assert board(golden(), tmp_path).differences() == ""


def test_a_page_that_cannot_be_read_or_written_is_named(tmp_path, quick_drawing):
    (tmp_path / "LEADERBOARD.md").mkdir()
    with pytest.raises(StoreError, match=r"LEADERBOARD\.md cannot be read"):
        board(golden(), tmp_path).write()
    (tmp_path / "LEADERBOARD.md").rmdir()
    (tmp_path / "LEADERBOARD.md").write_bytes(b"\xff\xfe")
    with pytest.raises(StoreError, match=r"LEADERBOARD\.md cannot be read"):
        board(golden(), tmp_path).differences()
    (tmp_path / "LEADERBOARD.md").unlink()
    (tmp_path / "results").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be made"):
        board(golden(), tmp_path).write()


def test_no_records(tmp_path):
    empty = board([], tmp_path)
    assert "No records yet" in empty.text
    assert [path.name for path in empty.write()] == ["LEADERBOARD.md"]
    assert board([], tmp_path).differences() == ""


def test_the_page_may_lie_anywhere(tmp_path):
    results = tmp_path / "results"
    page = leaderboard(placed(golden(), results), results, tmp_path / "docs" / "board.md")
    assert "](../results/figures/cifar100_v1" in page.text
    assert "](../results/cpu-2c-8g/kd-s0-" in page.text


def test_board_names_nothing_absolute():
    made = board(golden())
    assert "/repo" not in made.text
    assert not any("/repo" in str(plot.data) for plot in made.plots.values())
    assert not any("/repo" in text for text in made.targets.values())


def test_needs_neither_torch_nor_plugins():
    program = (
        "import sys, bench.board.leaderboard, bench.board.export\n"
        "heavy = ('torch', 'pandas', 'matplotlib', 'methods', 'tasks', 'bench.engine')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the page as a whole ---


def test_in_short_comes_first_then_what_spans_tasks_then_every_group():
    made = [*golden(), *(record(name, seed, task="sst2") for name in ("pkd", "scratch") for seed in range(5))]
    heads = [line for line in text_of(made).splitlines() if line.startswith("#")]
    assert heads == [
        "# Leaderboard",
        "## In short",
        "### fair v1, on cpu-2c-8g",
        "## Over tasks",
        "### Over tasks: fair v1, on cpu-2c-8g",
        "## cifar100 v1 · resnet56->resnet20 · fair v1",
        "## sst2 v1 · resnet56->resnet20 · fair v1",
    ]
    plots = [path.name for path in board(made).plots]
    assert any(name.startswith("profile_fair_v1-cpu-2c-8g-") for name in plots)


def test_other_arithmetic_is_another_table_in_short():
    heads = [line for line in text_of([*pkd(), *pkd(precision="bfloat16")]).splitlines() if line.startswith("###")]
    assert heads == ["### fair v1, on cpu-2c-8g", "### fair v1 · bfloat16, on cpu-2c-8g"]


NASTY = "a|b<script>`x`\n# h [l](u) $x$ & _y_ \x00\u202e"


def test_names_cannot_break_the_page():
    made = [
        record(name, seed, pair=(NASTY, NASTY), command=NASTY, parameters={NASTY: seed}, task=NASTY,
               rules=protocol(NASTY, target=f"{NASTY}!", target_seeds=1))
        for name in ("kd", f"{NASTY}!") for seed in (0, 1)
    ]  # fmt: skip
    made[0] = changed(made[0], task_note=NASTY, skipped={NASTY: NASTY})
    reason = "bad | pipe\n<b>last</b> `line`"
    page = board([*made, failure("at", pair=(NASTY, NASTY), reason=reason)])
    text = page.text
    assert "<script" not in text
    assert "<b>" not in text
    assert "\n# h" not in text
    assert not re.search(r"\[l\]\(u\)|`x`", text)
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.endswith(" |")
    for rows in markdown_tables(text):
        assert {len(cells) for name, cells in rows.items() if name != "head"} == {len(rows["head"]) - 1}
    for path, plot in page.plots.items():
        assert path.parent == ROOT / "results" / "figures"
        assert re.fullmatch(r"[A-Za-z0-9._+-]+\.svg", path.name)
        ElementTree.fromstring(plot.svg())
    for path in page.targets:
        assert path.is_relative_to(ROOT / "results" / "targets")
        assert len(path.relative_to(ROOT).parts) == 6


ODD = [
    "a b",
    "a_b",
    "a|b",
    "A B",
    "..",
    ".",
    "/",
    "../..",
    "x" * 200,
    "x" * 199 + "y",
    "é",
    "e\u0301",
    "教师",
    "-",
    "\t",
]


def test_figures_and_targets_of_odd_names_do_not_collide(tmp_path, quick_drawing):
    made = [each for name in ODD for each in pkd(task=name)]
    made += [each for name in ODD for each in pkd(rules=protocol(name))]
    made += [each for pair in (("a->b", "c"), ("a", "b->c")) for each in pkd(pair=pair)]
    page = board(made, tmp_path)
    assert len(page.plots) == len({str(path).lower() for path in page.plots}) == 2 * len(ODD) + 2
    assert len(page.targets) == 2 * len(ODD) + 2
    page.write()
    assert board(made[::-1], tmp_path).differences() == ""
    assert all(path.resolve().is_relative_to(tmp_path) for path in (*page.plots, *page.targets))
    assert all(len(path.name.encode()) <= 255 for path in (*page.plots, *page.targets))


# --- what holds for any records ---

METRIC = st.floats(0, 100, allow_nan=False)
SELECT = st.lists(METRIC, min_size=4, max_size=4)
RUNS = st.builds(
    record,
    st.sampled_from(["scratch", "kd", "pkd", "at"]),
    st.integers(0, 6),
    test=METRIC,
    select=SELECT,
    machine=st.sampled_from(["m1", "m2"]),
    teacher=st.sampled_from(["a" * 64, "d" * 64]),
    task=st.sampled_from(["cifar100", "sst2"]),
    budget=st.sampled_from([1.0, 1.0, 0.5]),
    rules=st.sampled_from([protocol(), protocol(target_seeds=2)]),
)
FAILED = st.builds(failure, st.sampled_from(["kd", "at"]), st.integers(0, 6), machine=st.sampled_from(["m1", "m2"]))


def everything(page):
    return page.text, {path: plot.data for path, plot in page.plots.items()}, page.targets


@settings(max_examples=40)
@given(st.lists(RUNS | FAILED, max_size=25).flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_order_of_files_never_matters(both):
    made, shuffled = both
    files = [(ROOT / "results" / f"{number}.json", each) for number, each in enumerate(made)]
    places = {id(each): path for path, each in files}
    again = [(places[id(each)], each) for each in shuffled]
    one, other = (leaderboard(each, ROOT / "results", ROOT / "LEADERBOARD.md") for each in (files, again))
    assert everything(one) == everything(other)


@settings(max_examples=40)
@given(st.lists(RUNS | FAILED, min_size=1, max_size=25))
def test_no_figure_is_the_word_for_no_number(made):
    for rows in markdown_tables(text_of(made)):
        for cells in rows.values():
            assert not any(
                re.search(r"(?i)\b(nan|inf|none)\b", re.sub(r"\d+ failed \(.*\)", "", cell)) for cell in cells
            )


OWN = ("test accuracy", "sd", "at best select", "worst class", "over items and seeds", "failed")
"""Columns of the accuracy table in which no other method takes part."""


def own_figures(made, without):
    """Everything that a board says of every method alone, but for those left out."""
    said = {}
    for number, found in enumerate(analyses(*made)):
        tables = [accuracy(found), fidelity(found)]
        for machine in found.group.machines:
            tables += [times(found, machine), memory(found, machine)]
        for table in tables:
            for label, cells in texts(table).items():
                if label not in without:
                    kept = {title: text for title, text in cells.items() if table.name != "accuracy" or title in OWN}
                    kept = {title: text for title, text in kept.items() if text not in ("", "–")}
                    said[number, table.name, table.machine, label] = kept
    return said


@settings(max_examples=25)
@given(st.lists(st.tuples(METRIC, SELECT, st.sampled_from(["a-machine", HERE, "z-machine"])), min_size=1, max_size=12))
def test_more_seeds_of_one_method_leave_the_own_figures_of_every_other(more):
    added = [
        record("at", number % 9, test=test, select=select, machine=machine, parameters={})
        for number, (test, select, machine) in enumerate(more)
    ]
    elsewhere = [record("kd", 0, test=1.0, select=EARLY, machine="z-machine")]
    before = own_figures([*golden(), *elsewhere], without=("at",))
    after = own_figures([*golden(), *elsewhere, *added], without=("at",))
    assert before == {place: cells for place, cells in after.items() if cells or place in before}


@settings(max_examples=25)
@given(st.lists(METRIC, min_size=1, max_size=4), SELECT)
def test_more_seeds_of_a_method_that_sets_no_target_leave_every_other_time(tests, select):
    more = [record("at", 10 + number, test=test, select=select) for number, test in enumerate(tests)]
    [before], [after] = analyses(*golden()), analyses(*golden(), *more)
    assert before.target.content == after.target.content
    old, new = (texts(matching(each, HERE)) for each in (before, after))
    assert {label: cells for label, cells in old.items() if label != "at"} == {
        label: cells for label, cells in new.items() if label != "at"
    }
    # And against the controls the differences are the same; only their p is of a larger family.
    old, new = (texts(accuracy(each)) for each in (before, after))
    for label in ("pkd", "kd", "scratch"):
        assert [old[label][title] for title in ("vs scratch", "vs kd")] == [
            new[label][title] for title in ("vs scratch", "vs kd")
        ]


@settings(max_examples=30)
@given(st.lists(st.floats(0, 62.6), min_size=4, max_size=4))
def test_an_unreached_target_is_never_a_time(select):
    [found] = analyses(*golden(), *(record("sp", seed, select=select) for seed in range(5)))
    cells = texts(matching(found, HERE))["sp"]
    assert [cells[title] for title in ("time to match pkd", "× pkd", "steps", "FLOPs", "match best")] == [
        "∞ (0/5)", "∞", "∞ (0/5)", "∞ (0/5)", "∞ (0/5)"
    ]  # fmt: skip


def test_copies_of_records_change_no_figure():
    made = placed(golden())
    copies = [(path.with_name(f"z{path.name}"), each) for path, each in made]
    one, other = (leaderboard(each, ROOT / "results", ROOT / "LEADERBOARD.md") for each in (made, [*made, *copies]))
    assert markdown_tables(one.text) == markdown_tables(other.text)
    assert everything(one)[1:] == everything(other)[1:]
    assert other.text.count("several files hold this cell") == len(made)
