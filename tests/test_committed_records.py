"""The committed records: what made them would make the same keys now, so nobody has to run them again."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from bench.cell import Cell
from bench.engine.teachers import teacher_key
from bench.registry import Registry
from bench.store import BASELINE, BESIDE, Store
from bench.task import Pair, Task

RESULTS = Path(__file__).parents[1] / "results"
FOLDERS = sorted(
    path
    for root in (RESULTS, RESULTS / BASELINE)
    for path in root.glob("*/*/*/*")
    if path.is_dir() and not (root == RESULTS and path.relative_to(root).parts[0] in BESIDE)
)
REGISTRY = Registry()


@lru_cache
def task_of(name: str) -> Task:
    return REGISTRY.task(name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(RESULTS)))
def test_a_record_of_the_current_versions_has_the_key_that_its_cell_would_get(folder: Path) -> None:
    for path, record in Store(folder).records():
        assert record.key == record.cell.key, path
        made = record.cell
        task, method = task_of(made.task.name), REGISTRY.method(made.method.name)
        protocol = task.protocols[made.protocol["name"]]
        versions = (made.task.version, made.method.version, made.protocol["version"])
        if versions != (task.version, method.version, protocol.version):
            continue  # raised by hand since: the record stays as it is, and its cell is another one
        cell = Cell(
            task,
            Pair(made.pair.teacher, made.pair.student),
            method(**made.method.parameters),
            protocol,
            made.seed,
            made.precision,
            # A brought teacher's key is that of its file; a pretrained one's is of weights that are not here.
            made.teacher
            if made.teacher is None or made.teacher.startswith("file:") or made.pretrained
            else teacher_key(task, made.pair.teacher, protocol, made.precision, None),
            made.compiled,
            made.pretrained,
            made.budget,
        )
        assert cell.key == record.key, path


def test_there_are_some() -> None:
    assert FOLDERS
