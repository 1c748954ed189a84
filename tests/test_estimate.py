"""How long a plan takes: from few records, else timed, and for hardware that is elsewhere from records alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from planned import ELSEWHERE, HERE, planned, ran

from bench import estimate as estimates
from bench.cli.run import print_estimate
from bench.estimate import MOST_READ, RECORD_BYTES, Speed, estimate
from bench.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The networks that were timed: each takes 1 ms forward and 3 ms in all for an example. No teacher is cached."""
    networks: list[str] = []

    def measure(cell, network, device):
        networks.append(network)
        return Speed(0.001, 0.003, 1000)

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(estimates, "measure", measure)
    return networks


def test_records_of_the_same_work_tell_the_time(store: Store, timed: list[str]) -> None:
    plan = planned(store, "scratch,dml", seeds=tuple(range(6)))
    for cell, seconds in zip(plan.cells, (7.0, 1.0, 9.0, 1.0, 8.0, 1.0), strict=False):
        ran(store, plan, cell, seconds)
    chosen = planned(store, "scratch,dml", seeds=tuple(range(6))).chosen("missing")
    expected = estimate(plan, chosen, store)
    assert (expected.seconds, expected.bytes, expected.unknown) == (3 * 8.0 + 3 * 1.0, 6 * RECORD_BYTES, 0)
    assert timed == []


def test_each_rung_has_its_own_time(store: Store, timed: list[str]) -> None:
    plan = planned(store, "scratch", budgets=(0.5, 1.0), seeds=(0, 1))
    for cell in plan.cells[:2]:
        ran(store, plan, cell, 10 * cell.budget)
    assert estimate(plan, list(plan.cells[2:]), store).seconds == 5.0 + 10.0
    assert timed == []


def test_few_records_are_opened_however_many_there_are(
    store: Store, timed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(store, "scratch,dml", seeds=tuple(range(30)))
    for cell in plan.cells[:40]:
        ran(store, plan, cell)
    opened, read = [], estimates.read
    monkeypatch.setattr(estimates, "read", lambda path: opened.append(path.name) or read(path))
    assert estimate(plan, list(plan.cells), store).seconds == pytest.approx(60.0)
    assert len(opened) == 2 * MOST_READ
    first = [name for names in store.finished(plan.machine, plan.cells[0]).values() for name in names[:MOST_READ]]
    assert sorted(opened) == sorted(first)


def test_what_no_record_tells_is_timed_here_once(store: Store, timed: list[str]) -> None:
    plan = planned(store, "kd", seeds=(0, 1))
    expected = estimate(plan, list(plan.cells), store)
    # Two epochs of 48 examples at 3 + 1 ms; 4 evaluations of 12, and twice the 12 of test, at 1 ms; the teacher's own.
    assert expected.seconds == pytest.approx(2 * (2 * 48 * 0.004 + (4 * 12 + 2 * 12) * 0.001) + 2 * 48 * 0.003)
    assert (expected.bytes, expected.unknown) == (2 * RECORD_BYTES + 1000, 0)
    assert sorted(timed) == ["narrow", "wide"]


def test_this_machine_says_nothing_of_another(store: Store, timed: list[str], capsys) -> None:
    plan = planned(store, "scratch,kd", ELSEWHERE, seeds=(0, 1))
    here = planned(store, "scratch,kd", HERE, seeds=(0, 1))
    ran(store, here, here.cells[0])
    expected = estimate(plan, list(plan.cells), store)
    assert (expected.seconds, expected.bytes, expected.unknown) == (0.0, 0, 5)  # four cells and a teacher
    print_estimate(plan, expected)
    assert capsys.readouterr().out == "no estimate: no records of this work on far-gpu-80g-16c yet\n"
    ran(store, plan, plan.cells[0], 40.0)
    print_estimate(plan, estimate(plan, list(plan.cells), store))
    assert capsys.readouterr().out == (
        "estimated: 80 seconds of work, 0.1 MB on disk; without 3 of the trainings: far-gpu-80g-16c has no record of "
        "such work yet\n"
    )
    assert timed == []
