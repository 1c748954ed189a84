"""What is said of the machine whose times a table shows."""

from pathlib import Path

from records import placed, record

from bench.board.entries import entries
from bench.board.machine import machine_facts


def facts(*environments: dict) -> str:
    made = [record("kd", seed, environment=environment) for seed, environment in enumerate(environments)]
    return machine_facts(entries(placed(made), Path("/repo")))


def test_runs_that_shared_the_machine_are_said() -> None:
    alone, beside = {"cores": 2, "load_average": 1.9}, {"cores": 2, "load_average": 5.0}
    assert "**1 of 2 runs shared the machine, whose load was above its cores.**" in facts(alone, beside)
    assert "shared" not in facts(alone, {"cores": 2}, {"load_average": 9.0})


def test_runs_whose_times_do_not_compare_are_said() -> None:
    one, other = {"threads": 1, "cpu_capability": "AVX2"}, {"threads": 2, "cpu_capability": "AVX2"}
    assert "**Runs differ in threads: their times do not compare.**" in facts(one, other)
    assert "Runs differ" not in facts(one, one)
