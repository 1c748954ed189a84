"""Options of executors that do not go together: refused before anything is planned or connected to."""

from __future__ import annotations

import pytest

from bench.cli import executors

RUN = ("run", "--tasks", "digits")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--address", "head:6379"), "--address is not for --executor local"),
        (("--gpus", "0.5"), "--gpus is not for --executor local"),
        (("--workers", "0", "--timeout", "9"), "--timeout is not for --executor local with --workers 0"),
        (("--cpus", "0"), "'0' is not a whole number from 1"),
        (("--executor", "ray", "--gpus", "2"), "expected at most 1"),
        (("--executor", "ray", "--gpus", "nan"), "'nan' is not a number from 0"),
        (("--executor", "ray", "--workers", "0"), "--workers 0 runs cells in this process"),
        (("--executor", "ray", "--partition", "gpu"), "--partition is not for --executor ray"),
        (("--executor", "slurm"), "--executor slurm needs --time"),
        (("--executor", "slurm", "--time", "60", "--gpus", "0.5"), "a whole number of GPUs"),
        (("--executor", "slurm", "--time", "60", "--workers", "2"), "--workers is not for --executor slurm"),
        (("--executor", "ray", "--device", "cuda:1"), "Ray gives each cell its GPU"),
    ],
)
def test_options_that_do_not_go_together_are_refused(bench, monkeypatch, options, text):
    monkeypatch.setattr(executors, "find_spec", lambda name: object())
    code, _, err = bench(*RUN, *options)
    assert code == 2
    assert text in err


def test_without_ray_the_extra_is_named(bench, monkeypatch):
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    code, _, err = bench(*RUN, "--executor", "ray")
    assert code == 2
    assert "pip install 'kdbench[ray]'" in err
