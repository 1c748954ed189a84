"""The curve: whether it can have happened, and whether cost and result are those of its end."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.complaints import Complaint, wrong
from bench.record import Record

RISING = ("epoch", "steps", "samples", "train_seconds", "flops")
SLACK = 0.1
"""Seconds that the training clock may run on after the last evaluation."""


def rises(record: Record) -> Iterator[Complaint]:
    """Time, steps, samples and FLOPs add up from 0."""
    for name in RISING:
        before = 0
        for number, value in enumerate(getattr(record.curve, name)):
            if value < before:
                yield wrong(f"curve.{name}.{number}", value, f"no less than {before}, which came before")
            before = value


def length(record: Record) -> Iterator[Complaint]:
    evaluations, expected = len(record.curve.select), record.cell.protocol.get("evaluations")
    if isinstance(expected, int) and evaluations != expected:
        yield "curve", f"has {evaluations} evaluations: expected {expected}, as cell.protocol.evaluations"


def ends(record: Record) -> Iterator[Complaint]:
    """The figures of the last evaluation are those of the whole run."""
    curve, cost, result = record.curve, record.cost, record.result
    if not curve.select:
        return
    for field, value, name in (
        ("cost.steps", cost.steps, "steps"),
        ("cost.samples", cost.samples, "samples"),
        ("cost.train_flops", cost.train_flops, "flops"),
        ("result.select", result.select, "select"),
    ):
        last = getattr(curve, name)[-1]
        if value != last:
            yield wrong(field, value, f"{last}, the last of curve.{name}")
    last = curve.train_seconds[-1]
    if not math.isclose(cost.train_seconds, last, rel_tol=0, abs_tol=SLACK):
        yield wrong("cost.train_seconds", cost.train_seconds, f"{last}, the last of curve.train_seconds")


def selected(record: Record) -> Iterator[Complaint]:
    """The selected epoch is the first of those that were best on select, where the classifier is trained."""
    curve, result = record.curve, record.result
    offered = [
        (metric, epoch)
        for metric, counts, epoch in zip(curve.select, curve.counts, curve.epoch, strict=True)
        if counts and metric is not None
    ]
    if not offered:
        for field in ("selected_epoch", "test_selected"):
            if getattr(result, field) is not None:
                yield f"result.{field}", "is given: expected null, as no evaluation on select counts"
        return
    best, epoch = max(offered, key=lambda each: each[0])
    if result.selected_epoch != epoch:
        yield wrong("result.selected_epoch", result.selected_epoch, f"{epoch}, the first at the best select, {best}")
    if result.test_selected is None:
        yield wrong("result.test_selected", None, "the metrics on test at result.selected_epoch")
