"""One small real run, shared by the tests of the command line."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from pathlib import Path

import pytest

from bench.cli.main import main

SMOKE = ["run", "--tasks", "digits", "--protocol", "smoke", "--pairs", "resnet14->resnet8"]


@pytest.fixture(autouse=True, scope="session")
def quick_processes() -> None:
    """Worker processes that need not import, each anew, what the tasks of these tests take."""
    libraries = ("timm", "torchvision", "sklearn.datasets", "scipy.stats", "transformers", "datasets")
    multiprocessing.set_forkserver_preload(["bench.executors.process", *libraries])
    forkserver.ensure_running()


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
