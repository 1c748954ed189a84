"""A wall clock that jumps, a change to summer time, a host of an odd name: nothing that is measured or named moves."""

from __future__ import annotations

import itertools
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import torch
from workers import cell, make_worker

from bench.engine.clock import Clock
from bench.record import Record
from bench.store import Store
from bench.validation.report import validate

HOUR = 3600
ODD_HOSTS = ["", "ho st/../..", "хост-\u202e", "h" * 300]


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the wall clock finds it hours later or earlier than the last one."""
    now, jumps = time.time, itertools.cycle((-9 * HOUR, 5 * HOUR, 0, -HOUR, 400 * 24 * HOUR))
    monkeypatch.setattr(time, "time", lambda: now() + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(time.time() * 1e9))


@pytest.fixture
def zone() -> Iterator[Callable[[str | None], None]]:
    """Sets the time zone of this process; the old one comes back at the end."""
    before = os.environ.get("TZ")

    def change(name: str | None) -> None:
        os.environ.pop("TZ", None) if name is None else os.environ.update(TZ=name)
        time.tzset()

    yield change
    change(before)


def run(seed: int = 0) -> Record:
    return make_worker().run(cell("kd", seed))


@pytest.mark.usefixtures("short_measurements")
def test_a_jumping_clock_changes_no_result_and_no_time(tmp_path, zone, request):
    steady = run()
    request.getfixturevalue("jumping")
    zone("UTC-14")
    start = time.perf_counter()
    jumped = run()
    elapsed = time.perf_counter() - start
    assert jumped.ok
    assert (jumped.key, jumped.result, jumped.curve.select) == (steady.key, steady.result, steady.curve.select)
    cost = jumped.cost
    assert 0 < cost.train_seconds <= cost.total_seconds <= elapsed
    assert min(cost.warmup_seconds, cost.evaluation_seconds) > 0
    assert jumped.curve.train_seconds == sorted(jumped.curve.train_seconds)
    path = Store(tmp_path).write(jumped)
    assert validate([path], tmp_path).problems == []


def test_the_training_clock_is_monotonic(jumping):
    clock = Clock(torch.device("cpu"))
    for _ in range(5):
        clock.start()
        clock.stop()
    assert 0 <= clock.seconds < 1


@pytest.mark.parametrize("name", ["AAA0BBB-1,J1/0,J365/23", "UTC+12", "UTC-14"], ids=["summer", "behind", "ahead"])
@pytest.mark.usefixtures("short_measurements")
def test_a_record_says_in_utc_when_it_began(zone, name):
    zone("UTC0")
    before = datetime.now().replace(microsecond=0)
    zone(name)
    started = datetime.fromisoformat(run().provenance.started)
    zone("UTC0")
    assert started.utcoffset() == timedelta(0)
    assert before <= started.replace(tzinfo=None) <= datetime.now()


@pytest.mark.parametrize("host", ODD_HOSTS)
@pytest.mark.usefixtures("short_measurements")
def test_the_name_of_the_host_is_in_no_record_and_no_path(monkeypatch, tmp_path, host):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(platform, "node", lambda: host)
    monkeypatch.setenv("HOSTNAME", host)
    record = run()
    path = Store(tmp_path).write(record)
    assert record.machine == run().machine
    assert not host or host not in record.to_json()
    assert not host or host not in os.fspath(path.relative_to(tmp_path))
    assert all(part.isascii() and len(part) <= 255 for part in path.relative_to(tmp_path).parts)
