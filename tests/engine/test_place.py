"""A place: what planning knows of hardware, here or elsewhere, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import torch

from bench.engine.hardware import cores, fingerprint, resolve_precision
from bench.engine.place import Place, is_here, place_here
from bench.errors import UsageError

CPU = torch.device("cpu")
ELSEWHERE = Place("cuda:1", "far-gpu-80g-16c", bfloat16=True, compiler=True, cores=16, gpus=8)


def test_the_place_is_that_of_this_machine() -> None:
    here = place_here("cpu")
    assert (here.device, here.machine, here.cores, here.gpus) == ("cpu", fingerprint(CPU), cores(), 0)
    assert is_here(here)


@pytest.mark.skipif(torch.cuda.is_available(), reason="auto is the GPU here")
def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert place_here("auto") == place_here("cpu")


def test_a_gpu_is_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = type("Properties", (), {"name": "NVIDIA H100 80GB", "total_memory": 80 * 2**30})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    machine = f"nvidia-h100-80gb-80g-{cores()}c"
    for name, device in (("auto", "cuda"), ("cuda", "cuda"), ("cuda:1", "cuda:1")):
        assert place_here(name) == Place(device, machine, bfloat16=True, compiler=True, cores=cores(), gpus=2)
    with pytest.raises(UsageError, match="this machine has 2 GPUs"):
        place_here("cuda:2")


def test_nobody_looks_for_gpus_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("is_available", "device_count", "get_device_properties", "is_bf16_supported"):
        monkeypatch.setattr(torch.cuda, name, lambda *arguments, **options: pytest.fail("the GPU was touched"))
    assert place_here("cpu").gpus == 0


def test_a_place_goes_through_json() -> None:
    for place in (ELSEWHERE, place_here("cpu")):
        assert Place(**json.loads(json.dumps(asdict(place)))) == place


def test_a_place_elsewhere_is_not_here() -> None:
    assert not is_here(replace(ELSEWHERE, device="cuda:99"))  # a device that this machine lacks
    assert not is_here(replace(ELSEWHERE, device="cpu"))
    assert is_here(replace(place_here("cpu"), compiler=False, gpus=3))  # what times do not depend on


def test_the_compiler_is_the_one_that_cxx_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not place_here("cpu").compiler
    monkeypatch.setenv("CXX", "sh")
    assert place_here("cpu").compiler


@pytest.mark.parametrize(("name", "said"), [("tpu", "'tpu'"), ("meta", "not supported"), ("cuda:99", "is not here")])
def test_a_device_that_is_not_here_is_named(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        place_here(name)


def test_auto_is_the_precision_that_the_device_gains_from() -> None:
    assert [resolve_precision("auto", gains) for gains in (True, False)] == ["bfloat16", "float32"]
    assert [resolve_precision("float32", gains) for gains in (True, False)] == ["float32", "float32"]
