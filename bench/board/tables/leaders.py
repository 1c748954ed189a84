"""The answer by task: in every group of one protocol, the methods that no other one is significantly better than."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bench.board.analysis import RANKED_ITEMS, Analysis, on_test
from bench.board.board import Board
from bench.board.figures import decimal, megabytes, points, to_match
from bench.board.group import SEEDS_FOR_ORDER, Row, peak_memory
from bench.board.table import NONE, Column, Figure, Line, Table
from bench.board.tables.accuracy import difference
from bench.identity import canonical


def by_protocol(board: Board) -> list[tuple[str, str, list[Analysis]]]:
    """The groups of each protocol and arithmetic by the machine that they were mostly run on: all three, by name."""
    gathered: dict[tuple[str, str, str], list[Analysis]] = defaultdict(list)
    for analysis in board.analyses:
        group = analysis.group
        if group.timed:
            machine = group.timed[0]
            protocol = group.title[2] + (f" · {group.cell.arithmetic}" if group.cell.arithmetic != "float32" else "")
            # Protocols of one name may differ; the columns must mean the same on every line.
            roles = canonical([group.cell.protocol["controls"], group.cell.protocol["target"]])
            gathered[protocol, machine, roles].append(analysis)
    return [(protocol, machine, analyses) for (protocol, machine, _), analyses in sorted(gathered.items())]


def leaders(analyses: Sequence[Analysis], machine: str) -> Table:
    """Groups of one protocol, their times and memory of one machine; methods of rank 1, the highest mean first."""
    control, target = analyses[0].plain[0], analyses[0].target_method
    columns = (
        Column(
            "not beaten",
            "methods of rank 1, highest mean first: none is significantly better (paired t-test, Holm), for which "
            "scattering seeds may be enough",
        ),
        Column(
            "test",
            "mean ± 95% interval (seeds), percent points; a seed on several machines counts from the first one by name",
        ),
        Column(f"vs {control}", "paired by seed; bold: p below 0.05 after Holm"),
        Column(
            f"time to match {target}",
            f"training seconds, median (runs that reach it/runs); ‡ not ranked: fewer than {RANKED_ITEMS:,} "
            "select items, or answering with the most frequent class reaches it",
        ),
        Column("peak memory", "of the cell alone"),
        Column("teacher", "its own test metric"),
    )
    lines = [line for analysis in analyses for line in lines_of(analysis, machine)]
    whole = Table("leaders", "In short", columns, tuple(lines), head="Task and pair", machine=machine)
    return whole.without_empty_columns()


def lines_of(analysis: Analysis, machine: str) -> list[Line]:
    """The lines of one group, every column in place."""
    group = analysis.group
    first = [row for row in analysis.ordered if analysis.comparisons.rank(row) == 1]
    label = " · ".join([group.title[0], str(group.cell.pair), *analysis.marks])
    teacher = NONE if group.teacher is None else Figure(decimal(group.teacher.test), group.teacher.test)
    whole = [row for row in group.rows if not row.provisional]
    if len(whole) < 2 or (group.teacher and not any(row.taught for row in whole)):
        said = Figure(f"too few methods have {SEEDS_FOR_ORDER} seeds: no order is claimed")
        return [Line(label, (said, NONE, NONE, NONE, NONE, teacher))]
    return [Line(label, (*_figures(analysis, row, machine), teacher)) for row in first]


def _figures(analysis: Analysis, row: Row, machine: str) -> tuple[Figure, ...]:
    _, reference = analysis.plain
    return (
        Figure(row.name),
        points(on_test(row)),
        difference(analysis, row, reference),
        _time(analysis, row, machine),
        megabytes([peak_memory(run.record.cost) for run in row.on(machine)]),
    )


def _time(analysis: Analysis, row: Row, machine: str) -> Figure:
    time = to_match(analysis.time_to_match(row, machine, analysis.target), "seconds")
    return time if analysis.ranked or time == NONE else replace(time, text=f"{time.text} ‡")
