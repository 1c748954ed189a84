"""A selection becomes cells: which, in which order, in which state, and what is skipped and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import toy
from safetensors.torch import save_file

from bench.engine.place import Place, place_here
from bench.errors import TeacherError, UsageError
from bench.plan import Plan, Selection, make_plan, pairs_of, parse_budgets, protocol_of
from bench.registry import Registry
from bench.store import Store
from bench.task import Pair
from methods.fsp import FlowOfSolutionProcedure

REGISTRY = Registry([Path(toy.__file__)])
TASK = toy.Toy()
HERE = place_here("cpu")


def plan(store: Path, methods: str = "scratch,kd", **changes: object) -> Plan:
    selection = Selection(methods, "toy", **{"precision": "float32"} | changes)
    return make_plan(selection, REGISTRY, Store(store), HERE)


def written(made: Plan, store: Path, number: int, failed: bool) -> None:
    """As if the cell had run: states are read from names alone."""
    cell = made.cells[number]
    path = Store(store).path(made.machine, cell, failed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_cells_run_seed_by_seed(tmp_path: Path) -> None:
    made = plan(tmp_path, pairs="all", seeds=(0, 2))
    got = [(cell.seed, str(cell.pair), cell.method.name) for cell in made.cells]
    pairs = ("wide->narrow", "deep->narrow")
    assert got == [(seed, pair, name) for seed in (0, 2) for pair in pairs for name in ("scratch", "kd")]


def test_a_cell_is_resolved(tmp_path: Path) -> None:
    scratch, kd = plan(tmp_path).cells
    assert scratch.teacher_key is None
    assert len(kd.teacher_key) == 64
    assert kd.precision == "float32"
    assert kd.protocol is TASK.protocols["fair"] or kd.protocol == TASK.protocols["fair"]
    assert kd.identity.teacher == kd.teacher_key
    assert (kd.fit_items, kd.select_items) == (48, 12)


def test_keys_differ_between_cells_and_repeat_between_plans(tmp_path: Path) -> None:
    options = {"pairs": "all", "seeds": (0, 1), "methods": "scratch,kd,sp"}
    keys = [cell.key for cell in plan(tmp_path, **options).cells]
    assert len(set(keys)) == 12
    assert keys == [cell.key for cell in plan(tmp_path, **options).cells]


def test_states_are_done_failed_and_missing(tmp_path: Path) -> None:
    made = plan(tmp_path, seeds=(0, 1))
    assert made.states == ("missing",) * 4
    written(made, tmp_path, 0, failed=False)
    written(made, tmp_path, 2, failed=True)
    made = plan(tmp_path, seeds=(0, 1))
    assert made.states == ("done", "missing", "failed", "missing")
    assert made.marks == tuple(Store(tmp_path).mark(made.machine, cell) for cell in made.cells)
    assert made.chosen("missing") == [made.cells[1], made.cells[2], made.cells[3]]
    assert made.chosen("failed") == [made.cells[2]]
    assert made.chosen("all") == list(made.cells)


def test_a_new_version_or_other_parameters_are_other_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(tmp_path)
    written(made, tmp_path, 0, failed=False)
    written(made, tmp_path, 1, failed=False)
    assert plan(tmp_path).states == ("done", "done")
    assert plan(tmp_path, settings={"kd": {"alpha": ["0.9"]}}).states == ("done", "done")
    assert plan(tmp_path, settings={"kd": {"alpha": ["0.5"]}}).states == ("done", "missing")
    monkeypatch.setattr(REGISTRY.method("kd"), "version", 2)
    assert plan(tmp_path).states == ("done", "missing")
    monkeypatch.setattr(REGISTRY.method("kd"), "version", 1)
    monkeypatch.setattr(type(REGISTRY.task("toy")), "version", 2)
    assert plan(tmp_path).states == ("missing", "missing")


def test_a_sweep_makes_a_cell_for_every_combination(tmp_path: Path) -> None:
    made = plan(tmp_path, "kd", settings={"kd": {"alpha": ["0.1", "0.5"], "temperature": ["2", "4", "8"]}})
    got = [(cell.method.alpha, cell.method.temperature) for cell in made.cells]
    assert got == [(alpha, heat) for alpha in (0.1, 0.5) for heat in (2.0, 4.0, 8.0)]


def test_a_ladder_of_budgets_rescales_the_epochs_alone(tmp_path: Path) -> None:
    whole, half = (plan(tmp_path, "kd", budgets=(share,)).cells[0] for share in (1.0, 0.5))
    assert half.recipe == replace(whole.recipe, epochs=whole.recipe.epochs / 2)
    assert half.steps == whole.steps // 2
    assert (half.protocol, half.teacher_key) == (whole.protocol, whole.teacher_key)
    assert half.key != whole.key
    # Cells of the whole budget keep the keys that they had before there was a ladder.
    assert "budget" not in whole.identity.model_dump(exclude_defaults=True)
    assert [cell.budget for cell in plan(tmp_path, "kd", budgets=(0.5, 1.0), seeds=(0, 1)).cells] == [0.5, 1, 0.5, 1]


def test_a_rung_too_short_for_its_evaluations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gives 1 steps at 0.1 of its budget, too few for its 4 evaluations"):
        plan(tmp_path, "kd", budgets=(0.1,))


def test_budgets_are_shares() -> None:
    assert parse_budgets("1, 0.25,.5,1.0") == (0.25, 0.5, 1.0)
    for wrong in ("0", "-0.5", "1.5", "half", "nan", "", "0.5,"):
        with pytest.raises(UsageError, match="expected a share of the protocol's epochs above 0, at most 1"):
            parse_budgets(wrong)


def test_what_cannot_be_done_is_skipped_with_the_reason(tmp_path: Path) -> None:
    made = plan(tmp_path, "fsp,tinybert,kd", pairs="all")
    assert [cell.method.name for cell in made.cells] == ["kd", "kd"]
    reasons = {(skip.method, str(skip.pair)): skip.reason for skip in made.skips}
    cannot = "tinybert needs queries, keys and values, which the teacher and the student cannot give"
    assert reasons == {
        ("fsp", "wide->narrow"): "teacher has channels [4, 6, 8], student [4, 4, 6]; needs equal channels",
        ("fsp", "deep->narrow"): "teacher has 3 stages, student 2; needs equal stages",
        ("tinybert", "wide->narrow"): cannot,
        ("tinybert", "deep->narrow"): cannot,
    }


def test_networks_can_be_paired_freely(tmp_path: Path) -> None:
    made = plan(tmp_path, "fsp", pairs=" wide -> wide , narrow->narrow,wide->wide")
    assert [str(cell.pair) for cell in made.cells] == ["wide->wide", "narrow->narrow"]
    assert isinstance(made.cells[0].method, FlowOfSolutionProcedure)


def test_a_network_has_one_name_however_it_is_spelled() -> None:
    class Prefixed(toy.Toy):
        def resolve(self, name: str) -> str:
            return f"toy_{super().resolve(name.removeprefix('toy_'))}"

    named = pairs_of(Prefixed(), "toy_wide->narrow,wide->toy_narrow,toy_dropping->narrow,dropping->narrow")
    # What the task pairs itself has its short name; anything else its canonical one.
    assert named == [Pair("wide", "narrow"), Pair("toy_dropping", "narrow")]


def test_compiled_cells_are_other_cells(tmp_path: Path) -> None:
    places = {flag: replace(HERE, compiler=flag) for flag in (False, True)}
    selection = Selection("scratch,kd", "toy", precision="float32")
    plain = make_plan(selection, REGISTRY, Store(tmp_path), places[False]).cells
    compiled = make_plan(replace(selection, compile=True), REGISTRY, Store(tmp_path), places[True]).cells
    assert {cell.key for cell in plain}.isdisjoint({cell.key for cell in compiled})
    with pytest.raises(UsageError, match=rf"needs a C\+\+ compiler, and {HERE.machine} has none"):
        make_plan(replace(selection, compile=True), REGISTRY, Store(tmp_path), places[False])


def test_a_plan_is_for_the_place_that_is_given(tmp_path: Path) -> None:
    elsewhere = Place("cuda", "far-gpu-80g-16c", bfloat16=True, compiler=True, cores=16, gpus=8)
    selection = Selection("scratch", "toy", precision="auto")
    for each, precision in ((elsewhere, "bfloat16"), (replace(elsewhere, bfloat16=False), "float32")):
        made = make_plan(selection, REGISTRY, Store(tmp_path), each)
        assert (made.place, made.machine) == (each, "far-gpu-80g-16c")
        assert {cell.precision for cell in made.cells} == {precision}
    written(made, tmp_path, 0, failed=False)
    assert make_plan(selection, REGISTRY, Store(tmp_path), made.place).states == ("done",)
    assert make_plan(selection, REGISTRY, Store(tmp_path), HERE).states == ("missing",)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("needs = frozenset({'hiden'})", r"method 'odd' on wide->narrow raised ValueError .*hiden"),
        ("def stages(self): return (Stage('half', share=0.5),)", "do not sum to 1"),
        ("def skip(self, student, teacher): teacher.hidden[9]", r"raised IndexError at .*odd\.py, line 5"),
    ],
)
def test_a_method_that_raises_while_it_is_planned_is_named(tmp_path: Path, body: str, said: str) -> None:
    odd = tmp_path / "odd.py"
    odd.write_text(
        "from bench.method import Method, Stage, method\n@method('odd')\nclass Odd(Method):\n    'Odd.'\n    " + body
    )
    selection = Selection("odd", "toy", precision="float32")
    with pytest.raises(UsageError, match=said):
        make_plan(selection, Registry([Path(toy.__file__), odd]), Store(tmp_path), HERE)


def test_a_task_that_raises_is_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.py"
    odd.write_text("from toy import Toy\nclass Odd(Toy):\n    name = 'odd'\n    def __init__(self): 1 / 0\n")
    with pytest.raises(UsageError, match=r"task 'odd' raised ZeroDivisionError at .*odd\.py, line 4"):
        make_plan(Selection("scratch", "odd"), Registry([Path(toy.__file__), odd]), Store(tmp_path), HERE)


@pytest.mark.parametrize(("train", "test"), [(4, 12), (60, 0)])
def test_too_few_examples_to_measure_anything_are_said_before_anything_runs(tmp_path: Path, train, test) -> None:
    few = tmp_path / "few.py"
    few.write_text(
        "from toy import Toy\nclass Few(Toy):\n    name = 'few'\n    select_share = 0.1\n"
        f"    train_items, test_items = {train}, {test}\n"
    )
    selection = Selection("scratch", "few", precision="float32")
    said = f"few has {train} examples for training and {test} for test, of which select, 10% of the former"
    with pytest.raises(UsageError, match=said):
        make_plan(selection, Registry([Path(toy.__file__), few]), Store(tmp_path), HERE)


def test_too_few_steps_for_the_evaluations_are_said_before_anything_runs(tmp_path: Path) -> None:
    short = tmp_path / "short.py"
    short.write_text(
        "from dataclasses import replace\nfrom toy import FAIR, Toy\nclass Short(Toy):\n    name = 'short'\n"
        "    protocols = {'fair': replace(FAIR, evaluations=13)}\n"
    )
    selection = Selection("scratch", "short", precision="float32")
    with pytest.raises(UsageError, match=r"'fair' of short gives 12 steps, too few for its 13 evaluations"):
        make_plan(selection, Registry([Path(toy.__file__), short]), Store(tmp_path), HERE)


def test_a_brought_teacher_gives_the_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(TASK.network("wide").state_dict(), path)
    scratch, kd = plan(tmp_path, teacher=path).cells
    assert scratch.teacher_key is None
    assert kd.teacher_key.startswith("file:")
    with pytest.raises(UsageError, match="the pairs have several teachers: wide->narrow, deep->narrow"):
        plan(tmp_path, teacher=path, pairs="all")
    with pytest.raises(TeacherError, match="does not exist"):
        plan(tmp_path, teacher=tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": "kd,fitnet"}, "unknown method 'fitnet': did you mean fitnets"),
        ({"methods": "KD"}, r"unknown method 'KD': did you mean kd\?"),
        ({"protocol": "pape"}, r"unknown protocol of toy 'pape': did you mean paper\?"),
        ({"protocol": "zzz"}, r"unknown protocol of toy 'zzz': known: fair, paper"),
        ({"pairs": "wide->narow"}, r"unknown network 'narow': did you mean narrow\?"),
        ({"pairs": "wide"}, "pair 'wide' is not of the form 'TEACHER->STUDENT'"),
        ({"settings": {"kdd": {"alpha": ["1"]}}}, "unknown method in --set 'kdd': did you mean kd"),
        ({"settings": {"sp": {"weight": ["1"]}}}, r"unknown method in --set 'sp': .*must be one of --methods"),
        ({"settings": {"kd": {"alfa": ["1"]}}}, "unknown parameter of kd 'alfa': did you mean alpha"),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan(tmp_path, **changes)


def test_planning_writes_nothing(tmp_path: Path) -> None:
    plan(tmp_path, "all", pairs="all")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "a", "a->", "->b", "a->b->c", "a=>b", "a->b,", "a->b,c"])
def test_pairs_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form 'TEACHER->STUDENT'"):
        pairs_of(TASK, text)


def test_default_pairs_and_protocols() -> None:
    assert pairs_of(TASK, None) == [Pair("wide", "narrow")]
    assert pairs_of(TASK, "all") == list(TASK.pairs)
    assert protocol_of(TASK, None).name == "fair"
    assert protocol_of(TASK, "paper").name == "paper"


def test_tasks_are_done_one_after_the_other(tmp_path: Path) -> None:
    second = tmp_path / "second.py"
    second.write_text("from toy import Toy\nclass Second(Toy):\n    name = 'second'\n")
    registry = Registry([Path(toy.__file__), second])
    selection = Selection("scratch", "second,toy", seeds=(0, 1), precision="float32")
    made = make_plan(selection, registry, Store(tmp_path), HERE)
    got = [(cell.task.name, cell.seed) for cell in made.cells]
    assert got == [("second", 0), ("second", 1), ("toy", 0), ("toy", 1)]
