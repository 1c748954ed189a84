"""100,000 cells planned against a store of 100,000 records, in seconds: here, and by the command as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import records

from bench.engine.place import place_here
from bench.plan import Plan, Selection, make_plan
from bench.registry import Registry
from bench.store import Store, write_whole

METHODS, VALUES = "scratch,at,sp,dml,kd", "2,3,4,5,6,7"
"""Ten rows: kd has one for each value."""
SEEDS = range(10_000)
OTHER_SEEDS = range(10_000, 15_000)
SWEEP = Selection(
    METHODS, "digits", "resnet14->resnet8", "smoke", tuple(SEEDS), settings={"kd": {"temperature": VALUES.split(",")}}
)
COMMAND = ["run", "--tasks", "digits", "--pairs", "resnet14->resnet8", "--protocol", "smoke", "--methods", METHODS]
COMMAND += ["--set", f"kd.temperature={VALUES}", "--device", "cpu", "--dry-run"]


def planned(folder: Path, seeds: range = SEEDS) -> Plan:
    return make_plan(replace(SWEEP, seeds=tuple(seeds)), Registry(), Store(folder), place_here("cpu"))


@pytest.fixture(scope="session")
def hundred_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of the first half of the sweep, and as many records of other seeds. A method has one file, of
    many names: planning must open next to none."""
    folder = tmp_path_factory.mktemp("plan")
    store, made = Store(folder / "results"), {}
    cells = planned(store.root).cells[:50_000] + planned(store.root, OTHER_SEEDS).cells
    for cell in cells:
        name = cell.method.name
        if name not in made:
            made[name] = folder / name
            write_whole(made[name], records.record(name).to_json())
            store.folder(place_here("cpu").machine, cell).mkdir(parents=True, exist_ok=True)
        os.link(made[name], store.path(place_here("cpu").machine, cell))
    assert len(store.paths()) == len(cells) == 100_000
    return store.root


@pytest.mark.benchmark(group="plan")
def test_a_hundred_thousand_cells(benchmark, hundred_thousand):
    made = benchmark.pedantic(lambda: planned(hundred_thousand), rounds=3, warmup_rounds=1)
    assert made.states.count("done") == made.states.count("missing") == 50_000


@pytest.mark.benchmark(group="plan")
@pytest.mark.parametrize("seeds", ["0-9999", "0"], ids=["all-seeds", "one-seed"])
def test_the_command(benchmark, hundred_thousand, seeds):
    command = [sys.executable, "-m", "bench", *COMMAND, "--seeds", seeds, "--results", str(hundred_thousand)]
    benchmark.pedantic(lambda: subprocess.run(command, check=True, capture_output=True), rounds=3, warmup_rounds=1)
