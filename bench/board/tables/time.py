"""Where the time of a run goes, on one machine."""

from __future__ import annotations

from bench.board.analysis import Analysis
from bench.board.figures import count, duration, median_seconds, quantity
from bench.board.statistics import summarise, upper_median
from bench.board.table import Column, Line, Table

COLUMNS = (
    Column("training time", "seconds on the training clock, teacher forward included: mean ± 95% interval (runs)"),
    Column("steps", "optimiser steps, of all stages: median"),
    Column("training FLOPs", "measured, student and teacher together; do not depend on the machine: median"),
    Column("to best", "training seconds at the first evaluation that is the run's best on select: median"),
    Column("to near best", "the same within 0.1 point of the best; less noisy: median"),
    Column("warm-up", "building, rehearsal, compilation; not on the training clock: median"),
    Column("evaluation", "on select and test; not on the training clock: median"),
    Column("total", "all of a cell but what cells share, data and teacher: median"),
)
NEAR = 0.1
"""Points."""


def times(analysis: Analysis, machine: str) -> Table:
    """Every method with runs on the machine."""
    lines = []
    for row in analysis.ordered:
        runs = row.on(machine)
        if not runs:
            continue
        costs = [run.record.cost for run in runs]
        figures = (
            duration(summarise([cost.train_seconds for cost in costs])),
            count(upper_median([cost.steps for cost in costs])),
            quantity(upper_median([cost.train_flops for cost in costs])),
            median_seconds([run.evaluations.seconds_to_best() for run in runs]),
            median_seconds([run.evaluations.seconds_to_best(NEAR) for run in runs]),
            median_seconds([cost.warmup_seconds for cost in costs]),
            median_seconds([cost.evaluation_seconds for cost in costs]),
            median_seconds([cost.total_seconds for cost in costs]),
        )
        lines.append(Line(row, figures, len(runs)))
    return Table("time", "Time", COLUMNS, tuple(lines), machine=machine).without_empty_columns()
