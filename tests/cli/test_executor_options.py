"""Options of executors that do not go together: refused before anything is planned or connected to."""

from __future__ import annotations

import pytest

from bench.cli import executors

RUN = ("run", "--tasks", "digits")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--address", "head:6379"), "--address is for --executor ray"),
        (("--gpus", "0.5"), "--gpus is for --executor ray"),
        (("--cpus", "0"), "'0' is not a whole number from 1"),
        (("--executor", "ray", "--gpus", "2"), "'2' is not a number from 0 to 1"),
        (("--executor", "ray", "--gpus", "nan"), "'nan' is not a number from 0 to 1"),
        (("--executor", "ray", "--workers", "0"), "--workers 0 runs cells in this process"),
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
