"""What `pytest benchmarks` measures: every registered method, and the ratios of its rounds."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import method_cases
import pytest

from bench.engine.place import place_here
from bench.plan import Selection, make_plan
from bench.registry import Registry
from bench.store import Store

ROOT = Path(__file__).parents[1]
TWO_STAGES = """
from bench.method import Method, Stage, method

@method("angles")
class Angles(Method):
    def stages(self):
        return (Stage("first", share=0.5), Stage("second", share=0.5))
"""


@pytest.fixture(scope="module", params=[method_cases.conv, method_cases.bert])
def subject(request):
    return request.param()


def test_every_registered_method_is_measured_in_every_stage_or_skipped_for_the_reason_of_the_plan(subject, tmp_path):
    selection = Selection("all", subject.task.name, str(subject.pair), "fair")
    plan = make_plan(selection, Registry(), Store(tmp_path), place_here("cpu"))
    planned = [(cell.method, stage) for cell in plan.cells for stage in cell.method.stages()]
    skipped = {skip.method: skip.reason for skip in plan.skips}
    assert {cell.method.name for cell in plan.cells} | set(skipped) == set(Registry().select("methods", "all"))
    cases = list(method_cases.cases(subject, Registry()))
    assert [(case.method, case.stage) for case in cases if not case.skip] == planned
    assert {case.method.name: case.skip for case in cases if case.skip} == skipped


def test_a_method_that_is_registered_is_measured_without_being_named_anywhere_else(subject, tmp_path):
    plugin = tmp_path / "angles.py"
    plugin.write_text(TWO_STAGES, "utf-8")
    names = [case.name for case in method_cases.cases(subject, Registry([plugin]))]
    assert names[-2:] == [f"{subject.name}-angles-first", f"{subject.name}-angles-second"]
    assert f"{subject.name}-kd" in names


def test_names_are_identifiers_and_each_is_used_once(subject):
    names = [case.name for case in method_cases.cases(subject, Registry())]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_]+(-[a-z0-9_]+)+", name)] == []


def test_the_json_of_a_run_holds_the_ratio_of_every_round_and_their_median(tmp_path):
    written = tmp_path / "benchmarks.json"
    command = [sys.executable, "-m", "pytest", "benchmarks/test_data.py", "-k", "texts", "-p", "no:cacheprovider"]
    # Beside other tests pytest-benchmark measures nothing; here the figures do not matter.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    command.append(f"--benchmark-json={written}")
    ran = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [made] = json.loads(written.read_text("utf-8"))["benchmarks"]
    assert made["fullname"] == "benchmarks/test_data.py::test_batches_against_the_usual_loader[texts]"
    assert made["group"] == "data"
    ratios = made["extra_info"]["ratios"]
    assert len(ratios) == made["stats"]["rounds"] > 1
    assert made["extra_info"]["ratio"] == statistics.median(ratios) > 0
