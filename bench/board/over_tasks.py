"""Figures over several tasks of one protocol on one machine (the protocol, Time-to-match and Statistics).

A cell is one task with one pair. Of a task's versions the newest counts; of groups that differ in teacher or precision,
the one with most runs. Rows with other than their default parameters do not take part, nor tasks that say so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bench.board.analysis import Analysis, runs_on
from bench.board.board import Board
from bench.board.figures import decimal, times
from bench.board.figures import mean as mean_of
from bench.board.group import SEEDS_FOR_ORDER, Row
from bench.board.statistics import geometric_mean, summarise
from bench.board.table import NONE, Column, Figure, Line, Table
from bench.identity import canonical

MOST = 4.0
"""The largest ratio of times that is looked at; a miss enters as this."""


@dataclass(frozen=True)
class Profile:
    """Of each method, its time to match in every ranked cell where it ran, as a multiple of the shortest there."""

    ratios: dict[str, list[float]]
    """Infinity for a miss."""
    most: float = MOST


@dataclass(frozen=True)
class OverTasks:
    """The cells of one protocol on one machine."""

    protocol: str
    machine: str
    cells: tuple[Analysis, ...]

    @cached_property
    def tasks(self) -> int:
        return len({cell.group.cell.task.name for cell in self.cells})

    @cached_property
    def methods(self) -> list[str]:
        """Those with enough seeds in any cell, by name."""
        return sorted({row.method for cell in self.cells for row in _complete(cell)})

    @cached_property
    def profile(self) -> Profile | None:
        """None where there are not two ranked cells whose target anybody reaches."""
        gathered: dict[str, list[float]] = defaultdict(list)
        counted = 0
        for cell in self.cells:
            found = _times(cell, self.machine) if cell.ranked else {}
            shortest = min(found.values(), default=math.inf)
            if not 0 < shortest < math.inf:
                continue
            counted += 1
            for method, seconds in found.items():
                gathered[method].append(seconds / shortest)
        return Profile(dict(sorted(gathered.items()))) if counted > 1 else None


def over_tasks(board: Board) -> list[OverTasks]:
    """Every protocol and machine with at least two tasks, by name."""
    gathered: dict[tuple[str, ...], dict[tuple[str, str], list[Analysis]]] = defaultdict(lambda: defaultdict(list))
    for analysis in board.analyses:
        group = analysis.group
        if group.cell.budget != 1 or not all(entry.record.in_aggregates for entry in group.any_entries):
            continue
        protocol = group.cell.protocol
        for machine in group.timed:
            roles = canonical([protocol["controls"], protocol["target"]])
            place = (f"{protocol['name']} v{protocol['version']}", machine, roles)
            gathered[place][group.cell.task.name, str(group.cell.pair)].append(analysis)
    found = [
        OverTasks(protocol, machine, tuple(_one(analyses, machine) for _, analyses in sorted(cells.items())))
        for (protocol, machine, _), cells in sorted(gathered.items())
    ]
    return [each for each in found if each.tasks > 1]


def summary(over: OverTasks) -> Table:
    """Every method with enough seeds anywhere."""
    control = over.cells[0].plain[0]
    columns = (
        Column("cells", f"tasks with a pair in which the method has {SEEDS_FOR_ORDER} seeds"),
        Column(f"mean vs {control}", "difference on test, mean over a task's pairs, then over tasks; percent points"),
        Column("better / open / worse", f"cells in which it is, or is not, told apart from {control} after Holm"),
        Column("mean rank", "over these cells"),
        Column(
            "× shortest",
            f"geometric mean over ranked cells of its time to match as a multiple of the shortest; at most {MOST:g}, "
            "as which a miss enters too (cells)",
        ),
        Column("not told apart from", "methods that no cell tells apart from it"),
    )
    lines = [Line(method, _line(over, method, control)) for method in over.methods]
    # Means over other cells do not compare: methods with most cells first.
    lines.sort(key=lambda line: (-line.figures[0].number, -(line.figures[1].number or 0.0), line.of))
    return Table("over-tasks", "Over tasks", columns, tuple(lines), machine=over.machine).without_empty_columns()


def _line(over: OverTasks, method: str, control: str) -> tuple[Figure, ...]:
    by_task: dict[str, list[float]] = defaultdict(list)
    cells, ranks, verdicts = 0, [], {"better": 0, "open": 0, "worse": 0}
    for cell in over.cells:
        rows = {row.method: row for row in _complete(cell)}
        row, reference = rows.get(method), rows.get(control)
        if row is None:
            continue
        cells += 1
        ranks += [rank for rank in [cell.comparisons.rank(row)] if rank]
        if reference is None or cell.comparisons.p(row, reference) is None:
            continue  # the control itself, or too few seeds in common
        by_task[cell.group.cell.task.name].append(summarise(row.minus(reference)).mean)
        better, worse = cell.comparisons.better(row, reference), cell.comparisons.better(reference, row)
        verdicts["better" if better else "worse" if worse else "open"] += 1
    means = [math.fsum(each) / len(each) for each in by_task.values()]
    mean = math.fsum(means) / len(means) if means else None
    ratios = over.profile.ratios.get(method, []) if over.profile else []
    speed = geometric_mean([min(ratio, MOST) for ratio in ratios]) if ratios else None
    return (
        Figure(str(cells), cells),
        NONE if mean is None else Figure(decimal(mean, signed=True), mean),
        Figure(" / ".join(map(str, verdicts.values())), verdicts["better"]) if means else NONE,
        mean_of(ranks, 1),
        NONE if speed is None else Figure(f"{times(speed).text} ({len(ratios)})", speed),
        Figure(", ".join(_not_told_apart(over, method)) or "–"),
    )


def _not_told_apart(over: OverTasks, method: str) -> list[str]:
    found = []
    for other in over.methods:
        common = [
            (cell, rows[method], rows[other])
            for cell in over.cells
            if {method, other} <= (rows := {row.method: row for row in _complete(cell)}).keys()
            and cell.comparisons.p(rows[method], rows[other]) is not None
        ]
        if other != method and common and not any(cell.comparisons.told_apart(a, b) for cell, a, b in common):
            found.append(other)
    return found


def _complete(cell: Analysis) -> list[Row]:
    """The row that stands for each method, if it has its default parameters and enough seeds."""
    rows = [cell.group.row_of(method) for method in sorted({row.method for row in cell.group.rows})]
    return [row for row in rows if row and not row.tuned and not row.provisional]


def _times(cell: Analysis, machine: str) -> dict[str, float]:
    """Method → seconds to match the target, infinity for a miss; of those with enough runs on this machine alone."""
    found = {row.method: cell.time_to_match(row, machine, cell.target) for row in _complete(cell)}
    return {method: median.value for method, median in found.items() if median and median.n >= SEEDS_FOR_ORDER}


def _one(analyses: Iterable[Analysis], machine: str) -> Analysis:
    """Of the groups of one task and pair: the newest version of the task, then the most runs."""
    return max(
        analyses,
        key=lambda each: (
            each.group.cell.task.version,
            len(runs_on(each.group, machine)),
            each.group.protocol_hash,
            each.group.cell.arithmetic,
            each.group.teacher.sha256 if each.group.teacher else "",
        ),
    )
