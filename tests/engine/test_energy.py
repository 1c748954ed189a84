"""Counted energy: RAPL's counters start again when they are full; what cannot be read is no counter."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.engine.energy import energy_counter, processor_counter


def package(folder: Path, number: int, energy: int, most: int = 1_000_000) -> Path:
    path = folder / f"intel-rapl:{number}"
    path.mkdir(exist_ok=True)
    (path / "max_energy_range_uj").write_text(f"{most}\n")
    (path / "energy_uj").write_text(f"{energy}\n")
    return path


def test_packages_add_up_also_when_a_counter_starts_again(tmp_path: Path) -> None:
    package(tmp_path, 0, 900_000)
    package(tmp_path, 1, 10)
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of package 0, which has it already
    read = processor_counter(tmp_path)
    first = read()
    package(tmp_path, 0, 99_999)
    package(tmp_path, 1, 250_010)
    assert read() - first == pytest.approx((200_000 + 250_000) / 1e6)
    assert read() - first == pytest.approx(0.45)


def test_what_is_not_there_or_not_readable_is_no_counter(tmp_path: Path) -> None:
    assert processor_counter(tmp_path / "nothing") is None
    (package(tmp_path, 0, 5) / "energy_uj").unlink()
    assert processor_counter(tmp_path) is None


class NVMLError(Exception):
    pass


def nvml(read):
    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=read,
    )


def test_a_gpu_is_asked_by_its_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="12ab"))
    monkeypatch.setitem(sys.modules, "pynvml", nvml(lambda handle: asked.append(handle) or 4500))
    assert energy_counter(torch.device("cuda:0"))() == 4.5
    assert set(asked) == {"GPU-12ab"}


def test_a_gpu_without_a_counter_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(handle: str) -> int:
        raise NVMLError("not supported")

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="12ab"))
    monkeypatch.setitem(sys.modules, "pynvml", nvml(read))
    assert energy_counter(torch.device("cuda:0")) is None
