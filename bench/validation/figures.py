"""Figures that say the same twice: predictions and accuracy, parts and wholes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.complaints import Complaint, wrong
from bench.record import Record
from bench.validation.ranges import ROUND_OFF

PEAKS = (
    ("peak_resident_bytes", "resident_before_bytes"),
    ("peak_device_allocated_bytes", "device_before_bytes"),
    ("peak_device_reserved_bytes", "peak_device_allocated_bytes"),
    ("allocated_bytes", "peak_tensor_bytes"),
)
"""What is a peak or a sum, and what it includes."""


def predictions(record: Record) -> Iterator[Complaint]:
    packed, accuracy = record.predictions, record.result.test.get("accuracy")
    if (packed is None) != (record.calibration is None):
        absent = "predictions" if packed is None else "calibration"
        yield wrong(absent, None, "both predictions and calibration, or none of them")
    if packed is None:
        return
    if packed.count != record.test_items:
        yield wrong("predictions.count", packed.count, f"{record.test_items}, as test_items")
    try:
        _, correct = packed.unpack()
    except ValueError as error:
        yield "predictions", f"cannot be unpacked ({error}): expected {packed.count:,} of them, as a run packs them"
        return
    if len(correct) and accuracy is not None:
        share = 100 * float(correct.mean())
        if abs(share - accuracy) > ROUND_OFF:
            yield wrong("result.test.accuracy", accuracy, f"{share}, the share of predictions that are right")


def worst_class(record: Record) -> Iterator[Complaint]:
    worst, accuracy = record.result.worst_class, record.result.test.get("accuracy")
    if worst is not None and accuracy is not None and worst > accuracy + ROUND_OFF:
        yield wrong("result.worst_class", worst, f"no more than {accuracy}, the accuracy over all classes")


def agreement(record: Record) -> Iterator[Complaint]:
    """Over all items it is a mean of those over what the teacher gets right and what it gets wrong."""
    fidelity = record.fidelity
    if fidelity is None:
        return
    parts = [each for each in (fidelity.agreement_teacher_right, fidelity.agreement_teacher_wrong) if each is not None]
    if not parts:
        yield wrong("fidelity.agreement_teacher_right", None, "it or fidelity.agreement_teacher_wrong")
    elif not min(parts) - ROUND_OFF <= fidelity.agreement <= max(parts) + ROUND_OFF:
        expected = f"{min(parts)} to {max(parts)}, between the two that it is made of"
        yield wrong("fidelity.agreement", fidelity.agreement, expected)


def peaks(record: Record) -> Iterator[Complaint]:
    for peak, included in PEAKS:
        highest, least = getattr(record.cost, peak), getattr(record.cost, included)
        if highest is not None and least is not None and highest < least:
            yield wrong(f"cost.{peak}", highest, f"no less than {least}, cost.{included}")


def passes(record: Record) -> Iterator[Complaint]:
    """Who takes part in every training is counted, and nothing goes back through what did not go forward."""
    counted = record.cost.passes
    if counted is None:
        return
    for name in ("student", "teacher") if record.teacher else ("student",):
        if name not in counted:
            yield "cost.passes", f"lacks the {name}: expected its forward and backward passes, and updates"
    for name, each in counted.items():
        if each.backwards and not each.forwards:
            expected = f"1 or more, as there are {each.backwards} backward passes"
            yield wrong(f"cost.passes.{name}.forwards", each.forwards, expected)


def total(record: Record) -> Iterator[Complaint]:
    cost = record.cost
    parts = cost.train_seconds + cost.warmup_seconds + cost.evaluation_seconds
    if cost.total_seconds < parts - ROUND_OFF:
        yield wrong("cost.total_seconds", cost.total_seconds, f"no less than {parts}, training, warm-up and evaluation")
