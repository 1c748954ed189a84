"""A JSON file of pytest-benchmark → its benchmarks. What we do not compare is not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.complaints import complaints
from bench.errors import StoreError

Positive = Annotated[float, Field(ge=1e-40, le=1e40)]
"""A ratio of times, whose logarithm is taken."""


@dataclass(frozen=True)
class BenchmarkRun:
    """One benchmark, as it ran."""

    name: str
    """pytest's full name: file, test and parameters."""
    machine: dict[str, str | None]
    """What must be alike on both sides: processor, architecture, cores, Python."""
    ratios: tuple[float, ...]
    """Of each round: the time of the other way / the time of our way; empty for a benchmark of one way."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Extra(_Part):
    ratios: list[Positive] = []


class _Benchmark(_Part):
    fullname: str
    extra_info: _Extra = _Extra()


class _Machine(_Part):
    system: str | None = None
    python_implementation: str | None = None
    python_version: str | None = None
    cpu: dict[str, Any] = {}


class _File(_Part):
    machine_info: _Machine
    benchmarks: list[_Benchmark]


def benchmark_runs(path: Path, content: bytes) -> list[BenchmarkRun]:
    """The benchmarks of a file, by name. A file that is torn or has another form raises StoreError with its path."""
    try:
        found = _File.model_validate_json(content)
    except ValidationError as error:
        detail = "; ".join(f"{field}: {text}" for field, text in complaints(content, error)[:3])
        raise StoreError(
            f"{path} is not a JSON of pytest-benchmark: {detail}. Write it anew: --benchmark-json"
        ) from error
    if not found.benchmarks:
        raise StoreError(f"{path} holds no benchmarks: every one was skipped or failed when it was written")
    twice = [name for name, times in Counter(each.fullname for each in found.benchmarks).items() if times > 1]
    if twice:
        raise StoreError(f"{path} has the benchmark {twice[0]} more than once: it was put together from several files")
    machine = _machine(found.machine_info)
    return sorted(
        (BenchmarkRun(each.fullname, machine, tuple(each.extra_info.ratios)) for each in found.benchmarks),
        key=lambda run: run.name,
    )


def _machine(info: _Machine) -> dict[str, str | None]:
    cpu = {
        name: None if (value := info.cpu.get(name)) is None else str(value) for name in ("brand_raw", "arch", "count")
    }
    return {
        "processor": cpu["brand_raw"],
        "architecture": cpu["arch"],
        "cores": cpu["count"],
        "system": info.system,
        "Python": " ".join(part for part in (info.python_implementation, info.python_version) if part) or None,
    }
