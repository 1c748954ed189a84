"""One group → its section of the board: facts, accuracy, what it cost on each machine, failures, records."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.accuracy import accuracy_table, name, ordered
from bench.board.cost import RANKED_ITEMS, cost_table, network_table, ranked
from bench.board.entries import Entry
from bench.board.group import Group, Row
from bench.board.machine import machine_facts
from bench.board.markdown import code, escape, link, point, seconds
from bench.board.match import Match, match
from bench.board.target import RULE, Target, target_of

REASON = 200
"""Characters of a failure's reason that are shown; the record has all of it."""


def section(group: Group, title: str, seen: Iterable[str]) -> str:
    """The text of a group. seen: the methods that the board shows anywhere for this task."""
    target = target_of(group)
    parts = [f"## {escape(title)}", _facts(group, target), accuracy_table(group), _notes(group, seen)]
    for machine in group.machines:
        entries = [entry for entry in group.entries if entry.record.machine == machine]
        if entries:
            parts += [
                f"### On {escape(machine)}",
                machine_facts(entries),
                cost_table(group, machine, target),
                network_table(group, machine),
            ]
    return "\n\n".join(part for part in [*parts, _failures(group), _records(group, target)] if part)


def _facts(group: Group, target: Target | str) -> str:
    cell, protocol = group.cell, group.cell.protocol
    items = {
        split: ", ".join(f"{int(each):,}" for each in sorted({e for e in values if e is not None})) or "unknown"
        for split, values in (
            ("select", [entry.record.select_items for entry in group.entries]),
            ("test", [entry.record.test_items for entry in group.entries]),
        )
    }
    student, teachers = protocol["student"], protocol["teacher"]
    seen = f"at most {protocol['fit_items']:,} fixed examples of `fit`" if protocol.get("fit_items") else "all of `fit`"
    select = f"{items['select']} select items" if protocol["select"] else "no select split"
    lines = [
        f"Protocol {code(group.protocol_hash[:8])}: students see {seen} for {student['epochs']:g} epochs, batch "
        f"{student['batch_size']}; teachers all of `fit` for {teachers['epochs']:g}. {protocol['evaluations']} "
        f"evaluations; {select}, {items['test']} test items; {escape(cell.arithmetic)}."
    ]
    if cell.pretrained:
        lines.append(
            f"Students start from pretrained weights: {code(cell.pretrained[:12])} is the digest of the student's "
            "configuration, tokenizer and weights before it learns."
        )
    lines += [f"Note: {escape(note)}" for note in notes_of(group)]
    teacher = group.teacher
    if teacher:
        lines.append(
            f"Teacher {escape(teacher.network)}, weights {code(teacher.sha256[:12])}: test {point(teacher.test)}, "
            f"select {point(teacher.select)}, trained on {escape(teacher.trained_on)}; "
            f"its training took {seconds(teacher.train_seconds)} where it was made."
        )
    lines.append(_target(target))
    return "  \n".join(lines)


def notes_of(group: Group) -> list[str]:
    """What the task says of itself in the group's records."""
    return sorted({entry.record.task_note for entry in group.any_entries} - {""})


def _target(target: Target | str) -> str:
    if isinstance(target, str):
        return f"Time to match: no target ({escape(target)})."
    values = ", ".join(f"{seed}: {value:.2f}" for seed, value in target.by_seed.items())
    return (
        f"Time to match: τ = {target.value:.2f}, from {name(target.row)} (seed: m at the end: {values}), "
        f"configuration {code(target.configuration[:8])}, rule {RULE}."
    )


def _notes(group: Group, seen: Iterable[str]) -> str:
    notes = []
    shown = {row.method for row in group.rows}
    skipped = {name: why for entry in group.any_entries for name, why in entry.record.skipped.items()}
    notes += [f"Skipped: {escape(name)}: {escape(skipped[name])}." for name in sorted(set(skipped) - shown)]
    absent = sorted(set(seen) - shown - set(skipped))
    if absent:
        notes.append(f"Not run here: {', '.join(map(escape, absent))}.")
    controls = group.cell.protocol["controls"]
    for control in controls:
        candidates = [row for row in group.rows if row.method == control]
        if len(candidates) > 1 and (chosen := group.row_of(control)):
            notes.append(f"“vs {escape(control)}” is against {name(chosen)}.")
    for row in group.rows:
        sources = {entry.record.provenance.source_sha256 for entry in row.entries}
        if len(sources) > 1:
            notes.append(f"{name(row)}: its runs were made by {len(sources)} different sources of one version.")
    if len({machine for row in group.rows for machine in _machines(row)}) > 1:
        notes.append(
            f"The table takes one run per seed: from {escape(group.machines[0])} where there is one, which has "
            "the most runs."
        )
    if isinstance(target_of(group), Target) and not ranked(group):
        notes.append(f"Fewer than {RANKED_ITEMS:,} select items: times to match are shown but not ranked.")
    return "\n".join(f"- {note}" for note in notes)


def _machines(row: Row) -> set[str]:
    return {entry.record.machine for entry in row.entries}


def _failures(group: Group) -> str:
    lines = [
        f"- {name(row)}, seed {link(str(entry.seed), entry.link)}, {escape(entry.record.machine)}: "
        f"{entry.record.status}: {escape(_last_line(entry.record.reason))}"
        for row in group.rows
        for entry in row.failures
    ]
    return "\n".join(["Failed:", "", *lines]) if lines else ""


def _last_line(reason: str) -> str:
    """What was raised: the last line of a traceback."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    return text if len(text) <= REASON else f"{text[:REASON]}…"


def _records(group: Group, target: Target | str) -> str:
    lines = []
    for machine in group.machines:
        for row in ordered(group):
            runs = row.on(machine)
            if runs:
                links = " ".join(link(str(run.seed), run.link) for run in runs)
                command = code(runs[0].record.provenance.command)
                lines.append(f"- {name(row)} on {escape(machine)}, seeds {links}{_brackets(runs, target)}  ")
                lines.append(f"  {command}")
    if not lines:
        return ""
    return "\n".join(
        ["<details><summary>Records, and the command of each row's first seed</summary>", "", *lines, "", "</details>"]
    )


def _brackets(runs: Iterable[Entry], target: Target | str) -> str:
    """Between which evaluations each run crossed the target: after the one before, not later than this one."""
    if isinstance(target, str):
        return ""
    return ", τ reached at " + ", ".join(_bracket(match(run.evaluations, target.value)) for run in runs)


def _bracket(found: Match | None) -> str:
    return "∞" if found is None else f"{seconds(found.seconds_before)[:-2]}–{seconds(found.seconds)}"
