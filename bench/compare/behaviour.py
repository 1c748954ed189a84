"""What the same seed gives, to the bit: the curve, the evaluations, the predictions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from bench.compare.finding import Figure, Finding, Verdict
from bench.compare.rows import MatchedRow
from bench.compare.words import change, differing, of_seeds
from bench.errors import StoreError, listed
from bench.record import Record

CURVE = {
    "stage": "the stage differs",
    "counts": "whether an evaluation counts differs",
    "epoch": "the epoch differs",
    "steps": "the steps differ",
    "samples": "the samples differ",
    "train_loss": "the loss differs",
    "select": "the metric on select differs",
}
"""Fields of the curve that do not depend on the clock, in the order in which they are asked."""
TEST = "same seed on the same machine, to the bit"


def behaviour(row: MatchedRow) -> Finding:
    """Whether every seed that succeeded on both sides, under the same conditions, gave the same bits.

    What base recorded and head does not is a change too: nobody can tell whether it is the same. A raised version of
    the method announces a change, but not one of the teacher's weights.
    """
    pairs = row.pairs_to_the_bit
    if not pairs.by_seed:
        return Finding(row.name, Figure.BEHAVIOUR, Verdict.NOT_COMPARABLE, pairs.left_out)
    changed = {seed: seen for seed, both in pairs.by_seed.items() if (seen := _seen(*both))}
    notes = [f"not compared: {pairs.left_out}"] if pairs.left_out else []
    if younger := _absent(*reversed(next(iter(pairs.by_seed.values())))):
        notes.append(f"not recorded in base: {listed(younger, 3)}")
    if not changed:
        seen = "; ".join([f"equal to the bit ({of_seeds(pairs.by_seed)})", *notes])
        return Finding(row.name, Figure.BEHAVIOUR, Verdict.SAME, seen, TEST)
    seed = min(changed)
    count = [f"{len(changed)} of {len(pairs.by_seed)} seeds differ"] if len(pairs.by_seed) > 1 else []
    seen = "; ".join([f"{changed[seed]} (seed {seed})", *count, *notes])
    announced = "" if any(_other_teacher(*both) for both in pairs.by_seed.values()) else row.announced
    return Finding(row.name, Figure.BEHAVIOUR, Verdict.CHANGED, seen, TEST, announced=announced)


def first_change(base: Record, head: Record) -> str:
    """What differs first between two successful runs of a seed, its causes before it; empty where nothing differs."""
    seen = [*_other_teacher(base, head), *islice(_changes(base, head), 1)]
    if not seen:
        return ""
    # Parameters alone change nothing: a new one may leave everything as it was.
    parameters = differing(base.cell.method.parameters, head.cell.method.parameters)
    return "; ".join([*(f"parameter {name} {change(*values)}" for name, *values in parameters), *seen])


def identical(row: MatchedRow) -> bool:
    """Whether both sides succeeded at the same seeds, and each seed gave the same bits, as far as both record them."""
    return row.same_seeds and not any(first_change(*both) for both in row.pairs.values())


def _seen(base: Record, head: Record) -> str:
    """The first change, and what head has lost of base's record; empty where there is neither."""
    lost = _absent(base, head)
    parts = [first_change(base, head), f"no longer recorded in head: {listed(lost, 3)}" if lost else ""]
    return "; ".join(filter(None, parts))


def _other_teacher(base: Record, head: Record) -> list[str]:
    one, other = base.teacher, head.teacher
    if not one or not other or one.sha256 == other.sha256:
        return []
    return [f"the teacher's weights differ: sha256 {one.sha256[:12]} → {other.sha256[:12]}"]


def _changes(base: Record, head: Record) -> Iterator[str]:
    yield from _of_curve(base, head)
    for name, was, now in differing(_measured(base), _measured(head)):
        # What one side does not have has no value to compare.
        if was is not None and now is not None:
            yield f"{name} {change(was, now)}"
    if base.predictions and head.predictions:
        yield from _of_predictions(base, head)


def _of_curve(base: Record, head: Record) -> Iterator[str]:
    arrays = [(label, getattr(base.curve, name), getattr(head.curve, name)) for name, label in CURVE.items()]
    evaluations = len(base.curve.stage)
    for number in range(min(evaluations, len(head.curve.stage))):
        for label, was, now in arrays:
            if was[number] != now[number]:
                yield f"{label} from evaluation {number + 1} of {evaluations} on: {change(was[number], now[number])}"
    if evaluations != len(head.curve.stage):
        yield f"evaluations {evaluations} → {len(head.curve.stage)}"


def _of_predictions(base: Record, head: Record) -> Iterator[str]:
    was, now = base.predictions, head.predictions
    if was.count != now.count:
        yield f"predictions {change(was.count, now.count)}"
    # The same classes may be compressed to other bytes.
    elif was != now:
        (classes, right), (classes_now, right_now) = _unpacked(base), _unpacked(head)
        if differ := int(((classes != classes_now) | (right != right_now)).sum()):
            yield f"{differ:,} of {was.count:,} predictions on test differ"


def _unpacked(record: Record) -> tuple[np.ndarray, np.ndarray]:
    try:
        return record.predictions.unpack()
    except ValueError as error:
        raise StoreError(
            f"record {record.key[:12]}: predictions: {error}. `python -m bench validate` says more."
        ) from error


def _measured(record: Record) -> dict[str, Any]:
    """Results beside the curve, by their names in the record."""
    return record.model_dump(include={"result", "fidelity", "calibration"})


def _absent(record: Record, other: Record) -> list[str]:
    """What a record has and the other does not."""
    one, two = (
        {**_measured(each), "predictions": each.predictions and each.predictions.count} for each in (record, other)
    )
    return [name for name, has, lacks in differing(one, two) if has is not None and lacks is None]
