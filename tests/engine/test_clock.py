"""The clock adds up what lies between start and stop, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from bench.engine import clock as module
from bench.engine.clock import Clock


def test_seconds_between_start_and_stop_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    clock = Clock(torch.device("cpu"))
    for length, pause in ((2.0, 100.0), (0.5, 7.0)):
        clock.start()
        now[0] += length
        clock.stop()
        now[0] += pause
    assert clock.seconds == 2.5


def test_joules_are_those_while_it_is_on() -> None:
    spent = [100.0]
    clock = Clock(torch.device("cpu"), lambda: spent[0])
    for used, beside in ((2.0, 30.0), (0.5, 7.0)):
        clock.start()
        spent[0] += used
        clock.stop()
        spent[0] += beside
    assert clock.joules == 2.5
    assert Clock(torch.device("cpu")).joules is None


def test_a_clock_goes_on_from_an_earlier_one_without_the_time_between(monkeypatch: pytest.MonkeyPatch) -> None:
    now, spent = [10.0], [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    first = Clock(torch.device("cpu"), lambda: spent[0])
    first.start()
    now[0] += 2.0
    spent[0] += 5.0
    assert first.state_dict()["seconds"] == 2.0  # while it is on
    first.stop()
    state = first.state_dict()
    now[0] += 1000.0
    spent[0] = 0.0
    second = Clock(torch.device("cpu"), lambda: spent[0])
    second.start()
    now[0] += 0.5
    second.load_state_dict(state)
    spent[0] += 1.0
    second.stop()
    assert second.state_dict() == {"seconds": 2.5, "joules": 6.0}


@pytest.mark.parametrize(("before", "after"), [(None, float), (float, None), (None, None)])
def test_joules_are_unknown_where_one_of_two_clocks_does_not_count_them(before, after) -> None:
    first, second = Clock(torch.device("cpu"), before), Clock(torch.device("cpu"), after)
    second.load_state_dict(first.state_dict())
    second.start()
    second.stop()
    assert second.joules is None


def test_a_clock_is_not_started_or_stopped_twice() -> None:
    clock = Clock(torch.device("cpu"))
    with pytest.raises(RuntimeError, match="already off"):
        clock.stop()
    clock.start()
    with pytest.raises(RuntimeError, match="already on"):
        clock.start()


def test_a_gpu_is_waited_for_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    device = torch.device("cuda:0")
    clock = Clock(device)
    clock.start()
    clock.stop()
    assert waited == [device, device]
