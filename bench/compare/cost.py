"""What a run does, counted: steps, samples, passes, updates, FLOPs, parameters."""

from __future__ import annotations

from collections.abc import Iterator

from bench.compare.counts import Counted, counts
from bench.compare.finding import Figure, Finding
from bench.compare.rows import MatchedRow
from bench.record import Passes, Record

OF_COST = {
    "steps": "steps",
    "samples": "samples",
    "train_flops": "training FLOPs",
    "parameters": "parameters",
    "extra_parameters": "extra parameters",
}
GIVEN = frozenset({"steps", "samples", "parameters", "updates"})
"""Fields that the budget and the pair decide. Less of the others is a saving."""
NONE = Passes(forwards=0, backwards=0, updates=0)
"""Of a network that base never ran. One that head alone lacks may run uncounted: nobody can tell."""


def cost(row: MatchedRow) -> Finding:
    """Exactly, at every seed that succeeded on both sides with the same versions of packages."""
    return counts(row, Figure.COST, row.pairs_counted, _counted)


def _counted(base: Record, head: Record) -> Iterator[Counted]:
    one, other = base.cost, head.cost
    for field, name in OF_COST.items():
        yield Counted(name, getattr(one, field), getattr(other, field), field in GIVEN)
    yield Counted("student inference FLOPs", one.student.flops, other.student.flops)
    yield Counted("teacher inference FLOPs", one.teacher and one.teacher.flops, other.teacher and other.teacher.flops)
    for network in sorted({**(one.passes or {}), **(other.passes or {})}):
        was = None if one.passes is None else one.passes.get(network, NONE)
        now = None if other.passes is None else other.passes.get(network)
        for field in Passes.model_fields:
            values = (each and getattr(each, field) for each in (was, now))
            yield Counted(f"{network} {field}", *values, is_given=field in GIVEN)
