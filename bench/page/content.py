"""A group → what the page shows of it, as plain data. Every figure is the board's, written as the board writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bench.board import machine as machines
from bench.board.accuracy import ordered
from bench.board.entries import Entry
from bench.board.group import Group, Row
from bench.board.markdown import point
from bench.board.statistics import Summary, paired_difference, summarise
from bench.board.target import Target, target_of
from bench.page.accuracy import accuracy_columns, in_points
from bench.page.columns import NOTHING, Column, Figure, Subject
from bench.page.cost import Network, Runs, cost_columns, network_columns
from bench.page.facts import facts, notes
from bench.page.links import family_link, group_link, row_link


def overview(group: Group, title: str) -> dict[str, Any]:
    """One line of the list of groups. title: what tells the group from all others."""
    seeds = [len(row.by_seed) for row in group.rows]
    cell = group.cell
    return {
        "id": group_link(group),
        "family": family_link(group),
        "title": title,
        "task": f"{cell.task.name} v{cell.task.version}",
        "pair": str(cell.pair),
        "protocol": f"{cell.protocol['name']} v{cell.protocol['version']}",
        "marks": title.removeprefix(" · ".join(group.title)).removeprefix(" · "),
        "methods": len({row.method for row in group.rows}),
        "seeds": max(seeds),
        "runs": len(group.entries),
        "failed": sum(len(row.failures) for row in group.rows),
        "machines": list(group.machines),
    }


def content(group: Group, title: str) -> dict[str, Any]:
    """All of a group but the curves of its runs."""
    rows, target = ordered(group), target_of(group)
    cell = group.cell
    controls = [group.row_of(name) for name in cell.protocol["controls"]]
    return {
        **overview(group, title),
        "metric": group.any_entries[0].record.metric,
        "facts": facts(group, target),
        "notes": notes(group),
        "target": target.value if isinstance(target, Target) else None,
        "targetRow": row_link(group, target.row) if isinstance(target, Target) else None,
        "controls": [row_link(group, row) for row in controls if row],
        "rows": [_row(group, row) for row in rows],
        "accuracy": {
            **_table(accuracy_columns(group), rows, lambda row: row_link(group, row)),
            "teacher": _teacher(group),
        },
        "machines": [_machine(group, rows, machine, target) for machine in _with_runs(group)],
    }


def differences(group: Group) -> dict[str, dict[str, list[Any]]]:
    """Row → other row → their difference, paired by seed. Of two rows, the first by link has the figure."""
    rows = sorted(((row_link(group, row), row.scores) for row in group.rows), key=lambda pair: pair[0])
    return {
        link: {
            other: in_points(paired_difference(scores, others), signed=True).content
            for other, others in rows[number + 1 :]
        }
        for number, (link, scores) in enumerate(rows)
    }


def _row(group: Group, row: Row) -> dict[str, Any]:
    return {
        "id": row_link(group, row),
        "label": row.label,
        "adapted": row.adapted,
        "provisional": row.provisional,
        "method": row.method,
        "version": row.version,
        "parameters": json.loads(row.parameters),
        "runs": [_run(row, entry) for entry in (*row.entries, *row.failures)],
    }


def _run(row: Row, entry: Entry) -> dict[str, Any]:
    record = entry.record
    run = {
        "key": record.key,
        "machine": record.machine,
        "seed": entry.seed,
        "status": record.status,
        "counted": row.by_seed.get(entry.seed) is entry,
    }
    if record.ok:
        return run | {"test": entry.score, "seconds": record.cost.train_seconds}
    return run | {"reason": record.reason.strip().rpartition("\n")[2][:200]}


def _table(
    columns: Sequence[Column[Subject]], subjects: Iterable[Subject], name: Callable[[Subject], str]
) -> dict[str, Any]:
    return {
        "columns": [column.content for column in columns],
        "rows": [
            {"name": name(subject), "figures": [column.figure(subject).content for column in columns]}
            for subject in subjects
        ],
    }


def _teacher(group: Group) -> dict[str, Any] | None:
    """Its figures, by the id of the column."""
    teacher = group.teacher
    if teacher is None:
        return None
    figures = {"test": teacher.test, **{f"further-{name}": value for name, value in teacher.further.items()}}
    return {
        "name": teacher.network,
        "figures": {column: Figure(point(value), value).content for column, value in figures.items()},
        "unknown": NOTHING.content,
    }


def _with_runs(group: Group) -> list[str]:
    done = {entry.record.machine for entry in group.entries}
    return [machine for machine in group.machines if machine in done]


def _machine(group: Group, rows: Sequence[Row], machine: str, target: Target | str) -> dict[str, Any]:
    here = [entry for entry in group.entries if entry.record.machine == machine]
    runs = [Runs(row, machine, entries) for row in rows if (entries := row.on(machine))]
    return {
        "name": machine,
        "facts": machines.facts(here),
        "warning": machines.difference(here),
        "costs": _table(cost_columns(group, machine, target), runs, lambda each: row_link(group, each.row)),
        "networks": _table(network_columns(), _networks(group, here), lambda each: each.name),
        "points": [_point(group, each) for each in runs],
    }


def _networks(group: Group, here: Sequence[Entry]) -> list[Network]:
    costs = [entry.record.cost for entry in here]
    taught = [cost.teacher for cost in costs if cost.teacher]
    pair, teacher = group.cell.pair, group.teacher
    student = Network(f"student: {pair.student}", costs[0].parameters, [cost.student for cost in costs])
    if not taught:
        return [student]
    return [student, Network(f"teacher: {pair.teacher}", teacher.parameters if teacher else None, taught)]


def _point(group: Group, runs: Runs) -> dict[str, Any]:
    """Where the runs of one machine stand in the plot of the metric against training time."""
    return {
        "row": row_link(group, runs.row),
        "seconds": _interval(summarise([cost.train_seconds for cost in runs.costs])),
        "test": _interval(summarise([entry.score for entry in runs.entries])),
    }


def _interval(summary: Summary) -> list[float | None]:
    return [summary.mean, summary.half_width]
