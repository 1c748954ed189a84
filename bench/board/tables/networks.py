"""Student and teacher at inference, on one machine."""

from __future__ import annotations

from statistics import median as middle

from bench.board.analysis import Analysis, runs_on
from bench.board.figures import count, latency, quantity, times
from bench.board.table import NONE, Column, Line, Table
from bench.record import Inference

COLUMNS = (
    Column("runs", "of which the medians are"),
    Column("parameters"),
    Column("compression", "how many times fewer parameters the student has than the teacher"),
    Column("FLOPs an example", "of one forward pass"),
    Column("latency", "of one example alone: median"),
    Column("examples a second", "in large batches: median"),
)


def networks(analysis: Analysis, machine: str) -> Table:
    """Medians over all runs of the group on the machine."""
    group = analysis.group
    costs = [entry.record.cost for entry in runs_on(group, machine)]
    teachers = [cost.teacher for cost in costs if cost.teacher]
    size = costs[0].parameters
    ratio = times(group.teacher.parameters / size) if group.teacher else NONE
    lines = [_line(f"student: {group.cell.pair.student}", size, ratio, [cost.student for cost in costs])]
    if teachers and group.teacher:
        lines.append(_line(f"teacher: {group.cell.pair.teacher}", group.teacher.parameters, NONE, teachers))
    return Table("networks", "Networks", COLUMNS, tuple(lines), head="Network", machine=machine)


def _line(label: str, size: int, ratio, measured: list[Inference]) -> Line:
    figures = (
        count(len(measured)),
        count(size),
        ratio,
        quantity(middle(each.flops for each in measured)),
        latency(middle(each.latency_seconds for each in measured)),
        quantity(middle(each.examples_per_second for each in measured)),
    )
    return Line(label, figures)
