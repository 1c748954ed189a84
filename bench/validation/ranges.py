"""The ranges: percent points from 0 to 100, correlations from -100, and nothing that is counted below 0."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.complaints import Complaint, wrong
from bench.record import Record

ROUND_OFF = 1e-6
CORRELATIONS = ("matthews", "pearson", "spearman")
Figure = tuple[str, float | None, float, float]
"""A field, its value, and the least and the most that it can be."""


def ranges(record: Record) -> Iterator[Complaint]:
    for field, value, least, most in (*_metrics(record), *_measures(record), *_costs(record)):
        if value is not None and not least - ROUND_OFF <= value <= most + ROUND_OFF:
            expected = f"{least} or more" if most == math.inf else f"{least} to {most}"
            yield wrong(field, value, expected)


def _metrics(record: Record) -> Iterator[Figure]:
    """On test under their own names, on select the primary one."""
    result, teacher = record.result, record.teacher
    named = {
        "result.test": result.test,
        "result.test_selected": result.test_selected or {},
        "result.most_frequent": result.most_frequent or {},
        "teacher.further": teacher.further if teacher else {},
    }
    for field, metrics in named.items():
        for name, value in metrics.items():
            yield f"{field}.{name}", value, *_range(name)
    primary = _range(record.metric)
    for number, value in enumerate(record.curve.select):
        yield f"curve.select.{number}", value, *primary
    yield "result.most_frequent_select", result.most_frequent_select, *primary
    yield "result.worst_class", result.worst_class, 0, 100
    if teacher:
        yield "teacher.select", teacher.select, *primary
        yield "teacher.test", teacher.test, *primary


def _range(metric: str) -> tuple[float, float]:
    return (-100 if metric.endswith(CORRELATIONS) else 0), 100


def _measures(record: Record) -> Iterator[Figure]:
    if record.calibration:
        yield "calibration.ece", record.calibration.ece, 0, 100
        yield "calibration.nll", record.calibration.nll, 0, math.inf
        yield "calibration.brier", record.calibration.brier, 0, 2
    if record.fidelity:
        for name, value in record.fidelity:
            yield f"fidelity.{name}", value, 0, math.inf if name == "kl" else 100


def _costs(record: Record) -> Iterator[Figure]:
    cost, teacher = record.cost, record.teacher
    parts = {"cost": cost, "cost.student": cost.student, "cost.teacher": cost.teacher}
    parts |= {f"cost.passes.{name}": passes for name, passes in (cost.passes or {}).items()}
    for part, values in parts.items():
        for name, value in values or ():
            if isinstance(value, int | float):
                yield f"{part}.{name}", value, 0, math.inf
    yield "select_items", record.select_items, 1, math.inf
    yield "test_items", record.test_items, 1, math.inf
    if teacher:
        yield "teacher.train_seconds", teacher.train_seconds, 0, math.inf
        yield "teacher.parameters", teacher.parameters, 1, math.inf
