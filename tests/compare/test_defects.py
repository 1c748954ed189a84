"""Each of the planted defects turns red: real source, real cells of digits, the figures that CI fails on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from defects import CONVOLUTIONAL, DEFECTS, TRANSFORMER, Defect, copy_source

from bench.cli.compare import FAIL_ON
from bench.compare.comparison import compare
from bench.compare.finding import Finding
from bench.executors.worker_process import CONTEXT
from bench.record import Record
from bench.store import Store

OURS = ("bench", "methods", "tasks")
NONE = Defect("none", "methods/kd.py", (), "kd", ())
ANNOUNCED = Defect(
    "announced",
    "methods/kd.py",
    (
        ("    repeats = True\n", "    repeats = True\n    version = 2\n"),
        (
            "kd_losses(student, teacher, labels, self.alpha, self.temperature)",
            "kd_losses(student, teacher, labels, 0.5, 2.0)",
        ),
    ),
    "kd",
    (),
)
BASE = "base"


def run_all(tree: Path, folder: Path) -> None:
    """Runs the cells of every defect by the source in a tree, and those of all without one, in one process.

    What takes seconds to import is imported once; the project's own modules each time, as they are then.
    """
    sys.path.insert(0, str(tree))
    os.chdir(tree)
    torch.set_num_threads(1)
    run_cells(tree, folder / BASE, sorted({(each.method, each.pair) for each in (NONE, *DEFECTS)}))
    for defect in (NONE, ANNOUNCED, *DEFECTS):
        source = (tree / defect.file).read_text()
        defect.plant(tree)
        run_cells(tree, folder / defect.name, [(defect.method, defect.pair)])
        (tree / defect.file).write_text(source)


def run_cells(tree: Path, results: Path, rows: list[tuple[str, str]]) -> None:
    """Makes the records of these methods on these pairs by the source that lies in the tree now."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    os.environ["BENCH_CACHE"] = str(results / "cache")
    from bench.engine.place import place_here
    from bench.engine.worker import Worker
    from bench.plan import Selection, make_plan
    from bench.registry import Registry
    from bench.store import Store

    assert Path(sys.modules["bench"].__file__).is_relative_to(tree)
    registry, store = Registry(), Store(results)
    worker = Worker(torch.device("cpu"), None, lambda name: registry.method(name)(), say=lambda line: None)
    for method, pair in rows:
        selection = Selection(method, "digits", pair, "smoke", precision="float32")
        for cell in make_plan(selection, registry, store, place_here("cpu")).cells:
            store.write(worker.run(cell))


@pytest.fixture(scope="module")
def red(tmp_path_factory) -> Callable[[Defect], list[Finding]]:
    """What turns red in the row of a defect."""
    tree, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("results")
    copy_source(tree)
    process = CONTEXT.Process(target=run_all, args=(tree, folder))
    process.start()
    process.join()
    assert process.exitcode == 0

    def found(defect: Defect) -> list[Finding]:
        row = (defect.method, defect.pair)
        base = [each for each in records(folder / BASE) if (each.cell.method.name, str(each.cell.pair)) == row]
        findings = compare(base, records(folder / defect.name))
        assert findings
        return [each for each in findings if each.is_regression and each.figure in FAIL_ON]

    return found


def records(results: Path) -> list[Record]:
    return [record for _, record in Store(results).records()]


def test_there_are_ten_on_both_pairs():
    assert len(DEFECTS) == 10
    assert {defect.pair for defect in DEFECTS} == {CONVOLUTIONAL, TRANSFORMER}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_turns_red(red, defect):
    assert {each.figure for each in red(defect)} >= set(defect.figures)


@pytest.mark.parametrize("change", [NONE, ANNOUNCED], ids=lambda change: change.name)
def test_unchanged_code_and_a_change_that_a_raised_version_announces_turn_nothing_red(red, change):
    assert red(change) == []
