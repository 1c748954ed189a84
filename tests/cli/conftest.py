"""One small real run, shared by the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.main import main

SMOKE = ["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8"]


@pytest.fixture(autouse=True, scope="session")
def processes(quick_processes: None) -> None:
    """All of these tests run cells in processes."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with scratch and kd on digits. Tests that write work on a copy."""
    results = tmp_path_factory.mktemp("finished") / "results"
    assert main([*SMOKE, "--methods", "scratch,kd", "--results", str(results)]) == 0
    return results


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]):
    """Runs a command; gives (exit code, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse ends the process itself
            code = stop.code
        output = capsys.readouterr()
        return code, output.out, output.err

    return run
