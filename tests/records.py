"""Synthetic records for tests: whole and valid, with every figure that matters given by the test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.identity import canonical
from bench.protocol import Protocol, Recipe
from bench.record import (
    Calibration,
    CellIdentity,
    Cost,
    Curve,
    Fidelity,
    Inference,
    MethodUse,
    PairNames,
    Part,
    Predictions,
    Provenance,
    Record,
    Result,
    TeacherUse,
    Versioned,
)

WITHOUT_TEACHER = ("scratch", "dml")
MIB = 2**20


def protocol(name: str = "fair", **changes: Any) -> dict[str, Any]:
    """A protocol's content; `changes` are fields of bench.protocol.Protocol."""
    recipe = Recipe(epochs=2, batch_size=64, learning_rate=0.05)
    # Through JSON, as it is in a record that was read from a file: lists, no tuples.
    return json.loads(canonical(Protocol(name, student=recipe, teacher=recipe, **changes).as_dict()))


def cell(
    method: str = "kd",
    seed: int = 0,
    *,
    version: int = 1,
    parameters: dict[str, Any] | None = None,
    task: str = "cifar100",
    task_version: int = 1,
    pair: tuple[str, str] = ("resnet56", "resnet20"),
    rules: dict[str, Any] | None = None,
    precision: str = "float32",
    compiled: bool = False,
    teacher_key: str = "f" * 64,
    pretrained: str | None = None,
    budget: float = 1.0,
) -> CellIdentity:
    return CellIdentity(
        task=Versioned(name=task, version=task_version),
        pair=PairNames(teacher=pair[0], student=pair[1]),
        method=MethodUse(name=method, version=version, parameters=parameters or {}),
        protocol=rules or protocol(),
        seed=seed,
        precision=precision,
        teacher=None if method in WITHOUT_TEACHER else teacher_key,
        compiled=compiled,
        pretrained=pretrained,
        budget=budget,
    )


def curve(select: Sequence[float | None], seconds: float, counts: Sequence[bool] | None = None) -> Curve:
    """Evaluation i (from 1) after i · `seconds`, 100 · i steps and 10^9 · i FLOPs."""
    numbers = range(1, len(select) + 1)
    return Curve(
        stage=["student"] * len(select),
        counts=list(counts or [True] * len(select)),
        epoch=[float(i) for i in numbers],
        steps=[100 * i for i in numbers],
        samples=[6400 * i for i in numbers],
        train_seconds=[seconds * i for i in numbers],
        flops=[10**9 * i for i in numbers],
        train_loss=[1.0 / i for i in numbers],
        select=list(select),
    )


def record(
    method: str = "kd",
    seed: int = 0,
    *,
    test: float = 70.0,
    test_selected: float | None = None,
    select: Sequence[float | None] = (50.0, 60.0, 65.0, 66.0),
    seconds: float = 10.0,
    counts: Sequence[bool] | None = None,
    machine: str = "cpu-2c-8g",
    teacher: str = "a" * 64,
    adapted: bool = False,
    select_items: int | None = 5000,
    test_items: int | None = None,
    gpu_bytes: int | None = None,
    resident: tuple[int | None, int | None] = (100 * MIB, 300 * MIB),
    environment: dict[str, Any] | None = None,
    versions: dict[str, str] | None = None,
    command: str | None = None,
    source: str = "b" * 64,
    predicted: Sequence[int] = (0, 1, 2),
    labels: Sequence[int] = (0, 1, 1),
    **identity: Any,
) -> Record:
    """A successful run. seconds: between evaluations; resident: before and peak; `identity` goes to `cell`.

    test_items: of the predictions, if not given.
    """
    identity = cell(method, seed, **identity)
    uses_teacher = identity.teacher is not None
    points = curve(select, seconds, counts)
    inference = Inference(latency_seconds=0.002, examples_per_second=1500.0, flops=41_000_000)
    return Record(
        schema=1,
        key=identity.key,
        machine=machine,
        cell=identity,
        status="ok",
        metric="accuracy",
        adapted=adapted,
        reports="student",
        select_items=select_items,
        test_items=len(labels) if test_items is None else test_items,
        teacher=teacher_use(teacher, identity) if uses_teacher else None,
        result=Result(
            test={"accuracy": test},
            test_selected={"accuracy": test if test_selected is None else test_selected},
            selected_epoch=2.0,
            select=points.select[-1] if points.select else None,
            worst_class=30.0,
        ),
        curve=points,
        cost=Cost(
            train_seconds=points.train_seconds[-1] if points.train_seconds else 0.0,
            warmup_seconds=1.0,
            evaluation_seconds=2.0,
            total_seconds=50.0,
            steps=400,
            samples=25_600,
            train_flops=4_000_000_000,
            peak_device_allocated_bytes=gpu_bytes,
            peak_device_reserved_bytes=gpu_bytes,
            resident_before_bytes=resident[0],
            peak_resident_bytes=resident[1],
            parameters=278_324,
            extra_parameters=1_024 if method == "pkd" else 0,
            student=inference,
            teacher=inference if uses_teacher else None,
        ),
        fidelity=Fidelity(
            agreement=75.0,
            kl=0.5,
            agreement_teacher_right=85.0,
            agreement_teacher_wrong=40.0,
            confidence_teacher_wrong=0.6,
        )
        if uses_teacher
        else None,
        calibration=Calibration(ece=5.0, nll=1.2, brier=0.4),
        predictions=Predictions.pack(np.array(predicted), np.array(labels)),
        environment=environment or {"device": "Test CPU", "cores": 2, "threads": 1, "memory_bytes": 8 * 2**30},
        provenance=_provenance(identity, command, versions, source),
    )


def failure(
    method: str = "kd",
    seed: int = 0,
    *,
    status: str = "nan",
    reason: str = "Traceback\nFloatingPointError: the loss is nan at step 7",
    machine: str = "cpu-2c-8g",
    **identity: Any,
) -> Record:
    """A run that failed before its teacher was known."""
    identity = cell(method, seed, **identity)
    return Record(
        schema=1,
        key=identity.key,
        machine=machine,
        cell=identity,
        status=status,
        reason=reason,
        metric="accuracy",
        adapted=False,
        reports="student",
        environment={"device": "Test CPU", "cores": 2, "threads": 1},
        provenance=_provenance(identity, None, None, "b" * 64),
    )


def consistent(method: str = "kd", seed: int = 0, **identity: Any) -> Record:
    """A successful run whose figures agree with one another."""
    return record(
        method, seed, test=200 / 3, select=(50.0, 66.0, 65.0, 66.0), rules=protocol(evaluations=4), **identity
    )


def edited(good: Record, path: str, value: object) -> str:
    """The record's JSON with the value at a dotted path replaced."""
    content = json.loads(good.to_json())
    *parents, last = path.split(".")
    part = content
    for parent in parents:
        part = part[int(parent)] if isinstance(part, list) else part[parent]
    part[int(last) if isinstance(part, list) else last] = value
    return json.dumps(content)


def changed(made: Record, **parts: Any) -> Record:
    """The same record with other values: `task_note="…"` of itself, `cost={"steps": 1}` inside a part."""
    updates = {}
    for name, value in parts.items():
        part = getattr(made, name)
        updates[name] = part.model_copy(update=value) if isinstance(part, Part) and isinstance(value, dict) else value
    return made.model_copy(update=updates)


def teacher_use(sha256: str, identity: CellIdentity) -> TeacherUse:
    return TeacherUse(
        key=identity.teacher,
        network=identity.pair.teacher,
        sha256=sha256,
        trained_on="fit",
        select=71.5,
        test=72.25,
        train_seconds=812.0,
        parameters=861_620,
    )


def placed(records: Sequence[Record], root: Path = Path("/repo/results")) -> list[tuple[Path, Record]]:
    """Records with a path each, as the store yields them; nothing is written."""
    return [
        (root / each.machine / f"{each.cell.method.name}-s{each.cell.seed}-{each.key[:12]}.json", each)
        for each in records
    ]


def _provenance(
    identity: CellIdentity, command: str | None, versions: dict[str, str] | None, source: str
) -> Provenance:
    return Provenance(
        commit="c" * 40,
        dirty=False,
        command=command or f"python -m bench run --methods {identity.method.name} --seeds {identity.seed}",
        versions=versions or {"python": "3.11.9", "torch": "2.9.0"},
        source_sha256=source,
        started="2026-01-01T00:00:00Z",
    )
