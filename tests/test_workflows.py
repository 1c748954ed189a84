"""The workflows: what they run is what a person would type, and what `.ci/run` runs, which lints them too."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bench.cli.main import build_parser, main
from bench.compare.finding import Figure
from bench.trees import state_of_checkout

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
UV = "uv run "
VALUES = {"$BASE": "HEAD", "cuda": "cpu", "$TASKS": "digits,agreement", "$METHODS": "all"}


def lines(path: Path) -> Iterator[str]:
    """The lines that a workflow's steps run."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job["steps"]:
            yield from step.get("run", "").splitlines()


def commands(path: Path) -> list[str]:
    """What a workflow runs by uv, without where its output goes."""
    return [line.partition(" > ")[0] for line in lines(path) if line.startswith(UV)]


BENCH = {
    line.removeprefix(UV) for path in WORKFLOWS for line in commands(path) if line.startswith(UV + "python -m bench")
}


def test_there_are_two():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "nightly.yml"]


def test_ci_runs_every_command_of_its_workflow():
    script = (ROOT / ".ci/run").read_text()
    ours = [line.strip() for line in script.splitlines() if line.strip().startswith(UV)]
    theirs = [re.sub(r" --format \w+$", "", line) for line in commands(WORKFLOWS[0])]
    assert sorted(ours) == sorted(theirs)


def words_of(line: str) -> list[str]:
    """The arguments of `python -m bench`, as a shell gives them."""
    words = [VALUES.get(word, word) for word in shlex.split(line)]
    assert words[:3] == ["python", "-m", "bench"]
    assert not [word for word in words if "$" in word]
    return words[3:]


@pytest.mark.parametrize("line", sorted(BENCH))
def test_a_command_line_of_a_workflow_is_one(line):
    build_parser().parse_args(words_of(line))


@pytest.mark.parametrize("line", sorted(line for line in BENCH if " check " not in line))
def test_a_command_line_of_a_workflow_is_run(line, monkeypatch, capfd):
    """Those of the checks take a minute: `.ci/run` runs the ones of ci.yml."""
    monkeypatch.chdir(ROOT)
    assert main(words_of(line)) == 0, capfd.readouterr()


@pytest.mark.skipif(state_of_checkout(ROOT)[0] is None, reason="this is no git checkout, which has revisions")
def test_the_command_line_of_the_night_plans_what_it_would_run(monkeypatch, capfd):
    monkeypatch.chdir(ROOT)
    [line] = commands(WORKFLOWS[1])
    before = set(ROOT.iterdir())
    assert main([*words_of(line.removeprefix(UV)), "--dry-run"]) == 0, capfd.readouterr()
    assert set(ROOT.iterdir()) == before
    planned = capfd.readouterr().out
    assert all(f"{side}: missing " in planned for side in ("base", "head"))
    assert all(f" · {task} · " in planned for task in ("digits", "agreement"))


def test_the_night_fails_on_everything():
    [line] = commands(WORKFLOWS[1])
    words = shlex.split(line)
    assert sorted(words[words.index("--fail-on") + 1].split(",")) == sorted(Figure)


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / ".ci/run"], ids=lambda path: path.name)
def test_what_a_shell_reads_is_its_language(path):
    steps = (
        [
            step["run"]
            for job in yaml.safe_load(path.read_text())["jobs"].values()
            for step in job["steps"]
            if "run" in step
        ]
        if path.suffix == ".yml"
        else [path.read_text()]
    )
    for step in steps:
        # An expression of GitHub is replaced before a shell sees it.
        ended = subprocess.run(
            ["bash", "-n"], input=re.sub(r"\$\{\{.*?\}\}", "x", step), text=True, capture_output=True
        )
        assert ended.returncode == 0, (step, ended.stderr)


def test_ci_lints_the_workflows_as_the_workflow_does():
    [command] = [line for line in lines(WORKFLOWS[0]) if "actionlint" in line]
    assert command in (ROOT / ".ci/run").read_text()
