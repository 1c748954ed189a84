"""A group → what the page shows of it, as plain data."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from bench.board import machine as machines
from bench.board.analysis import Analysis, on_test, runs_on
from bench.board.entries import Entry
from bench.board.facts import facts, notes, raised, verdict
from bench.board.figures import points, probability
from bench.board.group import Group, Row
from bench.board.statistics import Summary, summarise
from bench.board.stored_targets import StoredTargets
from bench.board.tables.accuracy import accuracy, metric_of
from bench.board.tables.fidelity import fidelity
from bench.board.tables.ladder import all_rows, ladder, same_row
from bench.board.tables.lead import lead
from bench.board.tables.match import brackets, matching
from bench.board.tables.memory import memory
from bench.board.tables.networks import networks
from bench.board.tables.time import times
from bench.board.target import Target
from bench.page.links import Links
from bench.page.tables import figure_data, table_data


def overview(analysis: Analysis) -> dict[str, Any]:
    """One line of the list of groups."""
    group, links = analysis.group, Links(analysis.group)
    first = [row for row in analysis.ordered if analysis.comparisons.rank(row) == 1]
    return {
        "id": links.group,
        "former": sorted({links.family, *(Links(rung).group for rung in analysis.rungs.values())}),
        "title": analysis.title,
        "task": group.title[0],
        "pair": group.title[1],
        "protocol": group.title[2],
        "budget": group.cell.budget,
        "marks": " · ".join(analysis.marks),
        "notBeaten": [row.label for row in first],
        "methods": len({row.method for row in group.rows}),
        "seeds": max(len(row.by_seed) for row in group.rows),
        "runs": len(group.entries),
        "failed": sum(len(row.failures) for row in group.rows),
        "machines": list(group.machines),
    }


def content(analysis: Analysis, stored: StoredTargets, seen: Iterable[str]) -> dict[str, Any]:
    """All of a group but the curves of its runs.

    stored: the versions of targets. seen: the methods that the board shows anywhere for this task.
    """
    group, target, links = analysis.group, analysis.target, Links(analysis.group)
    here = list(group.timed)
    rungs = ladder(analysis)
    return {
        **overview(analysis),
        "metric": metric_of(analysis),
        "verdict": verdict(analysis) if here else None,
        "facts": facts(analysis, stored),
        "notes": notes(analysis, seen),
        "target": target.value if isinstance(target, Target) else None,
        "targetMethod": analysis.target_method,
        "targetRow": links.row(target.row) if isinstance(target, Target) else None,
        "controls": [links.row(row) for _, row in analysis.controls if row],
        "rows": [_row(analysis, row, links) for row in all_rows(analysis)],
        "lead": table_data(lead(analysis, here[0]), links) if here else None,
        "accuracy": table_data(accuracy(analysis), links) if here else None,
        "machines": [_machine(analysis, machine, links) for machine in here],
        "fidelity": table_data(fidelity(analysis), links) if here else None,
        "ladder": table_data(rungs, links) if rungs else None,
    }


def differences(analysis: Analysis) -> dict[str, dict[str, list[Any]]]:
    """Row → other row → their difference, paired by seed, and its p after Holm. Each pair stands once."""
    links = Links(analysis.group)
    found: dict[str, dict[str, list[Any]]] = {links.row(row): {} for row in analysis.group.rows}
    for (one, row), (other, another) in combinations(zip(found, analysis.group.rows, strict=True), 2):
        difference = summarise(row.minus(another))
        found[one][other] = [
            *figure_data(points(difference, signed=True, strong=analysis.comparisons.told_apart(row, another))),
            probability(analysis.comparisons.p(row, another)).text,
        ]
    return found


def _row(analysis: Analysis, row: Row, links: Links) -> dict[str, Any]:
    shares: list[tuple[float, Group]] = [(analysis.group.cell.budget, analysis.group), *analysis.rungs.items()]
    rungs = [(share, same_row(row, group)) for share, group in shares]
    return {
        "id": links.row(row),
        "label": row.label,
        "adapted": row.adapted,
        "provisional": row.provisional,
        "method": row.method,
        "version": row.version,
        "parameters": json.loads(row.parameters),
        "runs": [
            {**_run(rung, entry), "budget": share}
            for share, rung in rungs
            if rung
            for entry in (*rung.entries, *rung.failures)
        ],
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
    return run | {"reason": raised(record.reason)}


def _machine(analysis: Analysis, machine: str, links: Links) -> dict[str, Any]:
    """Times and memory of one machine: those of two never stand together."""
    group, target = analysis.group, analysis.target
    here = runs_on(group, machine)
    rows = [row for row in analysis.ordered if row.on(machine)]
    tables = [each(analysis, machine) for each in (matching, times, memory, networks)]
    crossed = (
        [[row.label, brackets(analysis, row, machine, target)] for row in rows] if isinstance(target, Target) else []
    )
    return {
        "name": machine,
        "facts": machines.facts(here),
        "warnings": machines.warnings(here),
        "tables": [table_data(table, links) for table in tables if table],
        "crossed": crossed,
        "points": [_point(row, machine, links) for row in rows],
    }


def _point(row: Row, machine: str, links: Links) -> dict[str, Any]:
    """Where a row stands in the plot of the metric against the training time of one machine."""
    return {
        "row": links.row(row),
        "seconds": _interval(summarise([run.record.cost.train_seconds for run in row.on(machine)])),
        "test": _interval(on_test(row.at(machine))),
    }


def _interval(summary: Summary) -> list[float | None]:
    return [summary.mean, summary.half_width]
