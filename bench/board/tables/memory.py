"""What a run takes beside time, on one machine: memory, parameters, energy."""

from __future__ import annotations

from bench.board.analysis import Analysis
from bench.board.figures import count, megabytes, quantity
from bench.board.group import peak_memory
from bench.board.statistics import upper_median
from bench.board.table import Column, Line, Table
from bench.record import Cost

COLUMNS = (
    Column("runs", "of which the medians are"),
    Column(
        "peak memory",
        "of the cell alone: what it allocated on the GPU, or on a CPU all its tensors in a step on its largest batch, "
        "counted: median (range)",
    ),
    Column("allocated", "on the GPU at the peak, with the data and the teacher that cells share: median (range)"),
    Column("reserved", "on the GPU by the allocator, for all of the process: median (range)"),
    Column(
        "resident set",
        "by how much the process grew while the cell ran; the allocator's habits move it by tens of percent: "
        "median (range)",
    ),
    Column("student parameters"),
    Column("extra parameters", "trained beside the student: adapters, peers, a teacher that learns"),
    Column("energy, J", "joules while the training clock was on, of the whole device: median"),
)


def memory(analysis: Analysis, machine: str) -> Table:
    """Every method with runs on the machine."""
    lines = []
    for row in analysis.ordered:
        costs = [run.record.cost for run in row.on(machine)]
        if not costs:
            continue
        joules = [cost.energy_joules for cost in costs if cost.energy_joules is not None]
        figures = (
            count(len(costs)),
            megabytes([peak_memory(cost) for cost in costs]),
            megabytes([cost.peak_device_allocated_bytes for cost in costs]),
            megabytes([cost.peak_device_reserved_bytes for cost in costs]),
            megabytes([resident(cost) for cost in costs]),
            count(costs[0].parameters),
            count(max(cost.extra_parameters for cost in costs)),
            quantity(upper_median(joules) if joules else None),
        )
        lines.append(Line(row, figures, len(costs)))
    return Table("memory", "Memory", COLUMNS, tuple(lines), machine=machine).without_empty_columns()


def resident(cost: Cost) -> int | None:
    """Bytes by which the resident set grew; None if unknown."""
    if cost.peak_resident_bytes is None or cost.resident_before_bytes is None:
        return None
    return cost.peak_resident_bytes - cost.resident_before_bytes
