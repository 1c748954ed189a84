"""One group → its section of the board: what it is, the lead table and figure, then detail, failures, records."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.analysis import Analysis, runs_on
from bench.board.facts import facts, notes, raised, verdict
from bench.board.group import Group, Row
from bench.board.machine import machine_facts
from bench.board.markdown import code, escape, folded, image, link, name, written
from bench.board.stored_targets import StoredTargets
from bench.board.tables.accuracy import accuracy
from bench.board.tables.fidelity import fidelity
from bench.board.tables.ladder import ladder
from bench.board.tables.lead import lead
from bench.board.tables.match import brackets, matching
from bench.board.tables.memory import memory
from bench.board.tables.networks import networks
from bench.board.tables.time import times
from bench.board.target import Target

CAPTION = (
    "Left: what was reached against what it took, means over this machine's runs with 95% intervals. Right: the "
    "learning curves, m on select (the mean of the last evaluations) averaged over runs; dashed: the target τ. Times "
    "are on a logarithmic axis where they differ much."
)


def section(
    analysis: Analysis, title: str, stored: StoredTargets, pictures: dict[str, str], seen: Iterable[str]
) -> str:
    """The text of a group.

    pictures: machine → the path of its figure. seen: the methods that the board shows anywhere for this task.
    """
    group = analysis.group
    machines = group.timed
    parts = [f"## {escape(title)}", _facts(analysis, stored)]
    if machines:
        first = machines[0]
        parts += [escape(verdict(analysis)), f"Times and memory: {escape(first)}.", written(lead(analysis, first))]
        parts += [image(f"{title}, on {first}", pictures[first]), f"<sub>{escape(CAPTION)}</sub>"]
    parts += ["\n".join(f"- {escape(note)}" for note in notes(analysis, seen)), _failures(analysis)]
    if machines:
        parts += [folded("Accuracy in detail", written(accuracy(analysis)))]
        parts += [_machine(analysis, machine, title, pictures, machine == machines[0]) for machine in machines]
        parts += [folded("Fidelity to the teacher, calibration, changed items", written(fidelity(analysis)))]
        parts.append(folded("Records, and the command that makes each row's first one again", _records(group)))
    if analysis.rungs:
        parts.append(folded("Ladder of budgets", _ladder(analysis)))
    return "\n\n".join(part for part in parts if part)


def _facts(analysis: Analysis, stored: StoredTargets) -> str:
    return "  \n".join(f"**{escape(term)}**: {escape(text.rstrip('.'))}." for term, text in facts(analysis, stored))


def _machine(analysis: Analysis, machine: str, title: str, pictures: dict[str, str], first: bool) -> str:
    match = matching(analysis, machine)
    tables = [each for each in (match, times(analysis, machine), memory(analysis, machine)) if each]
    parts = [machine_facts(runs_on(analysis.group, machine))]
    if not first:
        parts.append(image(f"{title}, on {machine}", pictures[machine]))
    parts += [f"**{escape(table.title)}**\n\n{written(table)}" for table in tables]
    parts.append(f"**Networks**\n\n{written(networks(analysis, machine))}")
    if isinstance(analysis.target, Target):
        rows = [row for row in analysis.ordered if row.on(machine)]
        crossed = [f"- {name(row)}: {brackets(analysis, row, machine, analysis.target)}" for row in rows]
        parts.append("\n".join(["Each run crossed τ between these two evaluations (seeds in order):", "", *crossed]))
    return folded(f"Time, memory, networks on {machine}", "\n\n".join(parts))


def _ladder(analysis: Analysis) -> str:
    table, target = ladder(analysis), escape(analysis.target_method)
    text = written(table) if table else f"{target} has no run at the whole budget to hold these runs against."
    return f"{text}\n\n{_rung_records(analysis)}"


def _failures(analysis: Analysis) -> str:
    lines = [
        f"- {name(row)}{_at(group)}, seed {link(str(entry.seed), entry.link)}, {escape(entry.record.machine)}: "
        f"{entry.record.status}: {escape(raised(entry.record.reason))}"
        for group in (analysis.group, *_rungs(analysis))
        for row in group.rows
        for entry in row.failures
    ]
    return "\n".join(["Failed:", "", *lines]) if lines else ""


def _records(group: Group) -> str:
    rows = ((row, machine) for row in group.rows for machine in group.machines)
    return "\n".join(line for row, machine in rows for line in _row_records(row, machine, _at(group)))


def _rung_records(analysis: Analysis) -> str:
    """The records of the smaller budgets, which have no section of their own."""
    return "\n".join(_records(group) for group in _rungs(analysis))


def _rungs(analysis: Analysis) -> list[Group]:
    return [group for _, group in sorted(analysis.rungs.items())]


def _at(group: Group) -> str:
    return "" if group.cell.budget == 1 else f" at {group.cell.budget:g} of the budget"


def _row_records(row: Row, machine: str, at: str) -> list[str]:
    runs = row.on(machine)
    if not runs:
        return []
    links = " ".join(link(str(run.seed), run.link) for run in runs)
    command = code(runs[0].record.provenance.command)
    return [f"- {name(row, len(runs))}{at} on {escape(machine)}, seeds {links}  ", f"  {command}"]
