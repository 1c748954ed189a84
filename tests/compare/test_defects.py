"""Each of the planted defects turns red: real source, real cells of digits, the figures that CI fails on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from defects import CONVOLUTIONAL, DEFECTS, TRANSFORMER, Defect, copy_source

from bench.cli.check import FAIL_ON
from bench.compare.comparison import compare
from bench.compare.finding import Finding
from bench.executors.worker_process import CONTEXT
from bench.record import Record
from bench.store import Store

OURS = ("bench", "methods", "tasks")


def run_source(tree: Path, results: Path, methods: str, pairs: str) -> None:
    """Runs cells of digits by the source in a tree, in a process that has this one's packages already."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path.insert(0, str(tree))
    os.chdir(tree)
    os.environ["BENCH_CACHE"] = str(results / "cache")
    torch.set_num_threads(1)
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    import bench
    from bench.engine.place import place_here
    from bench.engine.worker import Worker
    from bench.plan import Selection, make_plan
    from bench.registry import Registry
    from bench.store import Store

    assert Path(bench.__file__).is_relative_to(tree)
    registry, store = Registry(), Store(results)
    plan = make_plan(
        Selection(methods, "digits", pairs, "smoke", precision="float32"), registry, store, place_here("cpu")
    )
    worker = Worker(torch.device("cpu"), None, lambda name: registry.method(name)())
    for cell in plan.cells:
        store.write(worker.run(cell))


def records(tree: Path, results: Path, methods: str, pairs: str) -> list[Record]:
    """What the source in a tree gives."""
    process = CONTEXT.Process(target=run_source, args=(tree, results, methods, pairs))
    process.start()
    process.join()
    assert process.exitcode == 0
    return [record for _, record in Store(results).records()]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the source."""
    folder = tmp_path_factory.mktemp("source")
    copy_source(folder)
    return folder


@pytest.fixture(scope="module")
def base(tree, tmp_path_factory) -> list[Record]:
    """The records without a defect, of all that the defects are seen in."""
    methods = ",".join(sorted({defect.method for defect in DEFECTS}))
    return records(tree, tmp_path_factory.mktemp("base"), methods, f"{CONVOLUTIONAL},{TRANSFORMER}")


@pytest.fixture
def red(tree, base, tmp_path) -> Iterator[Callable[[Defect], list[Finding]]]:
    """What turns red in the rows of a defect."""

    def found(defect: Defect) -> list[Finding]:
        wanted = [
            record
            for record in base
            if (record.cell.method.name, str(record.cell.pair)) == (defect.method, defect.pair)
        ]
        head = records(tree, tmp_path / "head", defect.method, defect.pair)
        return [each for each in compare(wanted, head) if each.is_regression and each.figure in FAIL_ON]

    kept = {defect.file: (tree / defect.file).read_text() for defect in DEFECTS}
    yield found
    for file, source in kept.items():
        (tree / file).write_text(source)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_turns_red(red, tree, defect):
    defect.plant(tree)
    assert {each.figure for each in red(defect)} >= set(defect.figures)


def test_no_defect_turns_nothing_red(red):
    assert red(DEFECTS[0]) == []


def test_a_method_whose_version_is_raised_may_change(red, tree):
    defect = DEFECTS[0]
    defect.plant(tree)
    source = tree / "methods/kd.py"
    source.write_text(source.read_text().replace("    repeats = True\n", "    repeats = True\n    version = 2\n"))
    assert red(defect) == []
