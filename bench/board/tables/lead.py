"""What a reader wants first: how good, how sure, how fast, how large. Times and memory are of one machine."""

from __future__ import annotations

from bench.board.analysis import Analysis, on_test
from bench.board.figures import duration, megabytes, point, points, ratio, to_match
from bench.board.group import Row, peak_memory
from bench.board.statistics import summarise
from bench.board.table import Column, Figure, Line, Table, alone
from bench.board.tables.accuracy import difference, failed, metric_of, rank


def lead(analysis: Analysis, machine: str) -> Table:
    """Every method; the machine's times beside accuracies from any."""
    name = analysis.target_method
    columns = (
        Column("rank", "1 + the number of methods that are significantly better"),
        Column(f"test {metric_of(analysis)}", "mean ± 95% interval (seeds)"),
        *(Column(f"vs {control}", "paired by seed; bold: p below 0.05 after Holm") for control, _ in analysis.controls),
        Column("training time", "mean ± 95% interval (runs)"),
        Column(
            f"time to match {name}" + ("" if analysis.ranked else " (not ranked)"), "median (runs that reach τ/runs)"
        ),
        Column(f"× {name}", f"as a multiple of {name}'s own"),
        Column("peak memory", "of the cell alone"),
        Column("failed", "runs that are in no mean"),
    )
    reference = analysis.group.row_of(name)
    own = reference and analysis.time_to_match(reference, machine, analysis.target)
    lines = [Line(row, _figures(analysis, row, machine, own)) for row in analysis.ordered]
    teacher = analysis.group.teacher
    if teacher:
        lines.insert(
            0,
            alone(
                f"teacher: {teacher.network}", columns, {columns[1].title: point(teacher.test), "failed": Figure("")}
            ),
        )
    return Table("lead", "In short", columns, tuple(lines), machine=machine).without_empty_columns()


def _figures(analysis: Analysis, row: Row, machine: str, own) -> tuple[Figure, ...]:
    costs = [run.record.cost for run in row.on(machine)]
    reached = analysis.time_to_match(row, machine, analysis.target)
    return (
        rank(analysis, row),
        points(on_test(row)),
        *(difference(analysis, row, control) for _, control in analysis.controls),
        duration(summarise([cost.train_seconds for cost in costs])),
        to_match(reached, "seconds"),
        ratio(reached, own),
        megabytes([peak_memory(cost) for cost in costs]),
        Figure(failed(row)),
    )
