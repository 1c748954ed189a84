"""One group → its section of the board: what it is, the lead table and figure, then detail, failures, records."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.analysis import RANKED_ITEMS, Analysis, runs_on
from bench.board.entries import Entry
from bench.board.figures import decimal, seconds
from bench.board.group import SEEDS_FOR_ORDER, Group, Row
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
from bench.board.target import RULE, Target
from bench.board.verdict import verdict_of

REASON = 200
"""Characters of a failure's reason that are shown; the record has all of it."""


def section(
    analysis: Analysis, title: str, stored: StoredTargets, pictures: dict[str, str], seen: Iterable[str]
) -> str:
    """The text of a group.

    pictures: machine → the path of its figure. seen: the methods that the board shows anywhere for this task.
    """
    group = analysis.group
    machines = [machine for machine in group.machines if runs_on(group, machine)]
    parts = [f"## {escape(title)}", _facts(analysis, stored)]
    if machines:
        first = machines[0]
        parts += [verdict(analysis), f"Times and memory: {escape(first)}.", written(lead(analysis, first))]
        parts += [image(f"{title}, on {machine}", pictures[machine]) for machine in machines[:1]]
    parts += [_notes(analysis, seen), _failures(analysis)]
    if machines:
        parts += [folded("Accuracy in detail", written(accuracy(analysis)))]
        parts += [_machine(analysis, machine, title, pictures, machine == machines[0]) for machine in machines]
        parts += [folded("Fidelity to the teacher, calibration, changed items", written(fidelity(analysis)))]
        parts.append(folded("Records, and the command that makes each row's first one again", _records(group)))
    if analysis.rungs:
        parts.append(folded("Ladder of budgets", _ladder(analysis)))
    return "\n\n".join(part for part in parts if part)


def verdict(analysis: Analysis) -> str:
    """Which methods differ from plain training, in words."""
    found = verdict_of(analysis)
    if found is None:
        control, _ = analysis.plain
        return f"No method has {SEEDS_FOR_ORDER} seeds in common with {escape(control)}: no order is claimed."
    control = escape(found.control)
    said = {
        f"Better than {control}": [f"{name(row)} {decimal(mean, signed=True)}" for row, mean in found.better],
        f"Worse than {control}": [f"{name(row)} {decimal(mean, signed=True)}" for row, mean in found.worse],
        f"Not told apart from {control}": [name(row) for row in found.open],
    }
    return " ".join(f"{word}: {', '.join(names)}." for word, names in said.items() if names)


def notes_of(group: Group) -> list[str]:
    """What the task says of itself in the group's records."""
    return sorted({entry.record.task_note for entry in group.any_entries} - {""})


def _facts(analysis: Analysis, stored: StoredTargets) -> str:
    group = analysis.group
    cell, protocol = group.cell, group.cell.protocol
    items = {
        split: ", ".join(f"{int(each):,}" for each in sorted({e for e in values if e is not None})) or "unknown"
        for split, values in (
            ("select", [entry.record.select_items for entry in group.entries]),
            ("test", [entry.record.test_items for entry in group.entries]),
        )
    }
    student, teachers = protocol["student"], protocol["teacher"]
    shown = (
        f"at most {protocol['fit_items']:,} fixed examples of `fit`" if protocol.get("fit_items") else "all of `fit`"
    )
    select = f"{items['select']} select items" if protocol["select"] else "no select split"
    lines = [
        f"Protocol {code(group.protocol_hash[:8])}: students see {shown} for {student['epochs'] * cell.budget:g} "
        f"epochs, batch {student['batch_size']}; teachers all of `fit` for {teachers['epochs']:g}. "
        f"{protocol['evaluations']} evaluations; {select}, {items['test']} test items; {escape(cell.arithmetic)}."
    ]
    if cell.pretrained:
        lines.append(
            f"Students start from pretrained weights: {code(cell.pretrained[:12])} is the digest of the student's "
            "configuration, tokenizer and weights before it learns."
        )
    lines += [f"Note: {escape(note)}" for note in notes_of(group)]
    teacher = group.teacher
    if teacher:
        chosen = "–" if teacher.select is None else decimal(teacher.select)
        lines.append(
            f"Teacher {escape(teacher.network)}, weights {code(teacher.sha256[:12])}: test {decimal(teacher.test)}, "
            f"select {chosen}, trained on {escape(teacher.trained_on)}; "
            f"its training took {seconds(teacher.train_seconds).text} where it was made, on no student's clock."
        )
    lines.append(f"Time to match {escape(analysis.target_method)}: {_target(analysis.target, stored)}")
    if analysis.control_target:
        method, target = analysis.control_target
        lines.append(f"Time to match {escape(method)}: {_target(target, stored)}")
    return "  \n".join(lines)


def _target(target: Target | str, stored: StoredTargets) -> str:
    if isinstance(target, str):
        return f"no target ({escape(target)})."
    number = stored.number(target)
    values = ", ".join(f"{seed}: {decimal(value)}" for seed, value in target.by_seed.items())
    older = [
        f"version {each.number} was {decimal(each.value)}" for each in stored.versions(target) if each.number < number
    ]
    former = f" Times to match earlier targets are not comparable: {', '.join(older)}." if older else ""
    return (
        f"τ = {decimal(target.value)}, version {number}, from {name(target.row)} (seed: m at the end: {values}; "
        f"lower median − {target.margin:g}), configuration {code(target.configuration[:8])}, rule {RULE}.{former}"
    )


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


def _notes(analysis: Analysis, seen: Iterable[str]) -> str:
    group, notes = analysis.group, []
    shown = {row.method for row in group.rows}
    skipped = {name: why for entry in group.any_entries for name, why in entry.record.skipped.items()}
    notes += [f"Skipped: {escape(name)}: {escape(skipped[name])}." for name in sorted(set(skipped) - shown)]
    absent = sorted(set(seen) - shown - set(skipped))
    if absent:
        notes.append(f"Not run here: {', '.join(map(escape, absent))}.")
    for control, chosen in analysis.controls:
        if chosen is None:
            notes.append(f"The control {escape(control)} has no run here: nothing can be held against it.")
        elif sum(row.method == control for row in group.rows) > 1:
            notes.append(f"“vs {escape(control)}” is against {name(chosen)}.")
    for row in group.rows:
        sources = {entry.record.provenance.source_sha256 for entry in row.entries}
        if len(sources) > 1:
            notes.append(f"{name(row)}: its runs were made by {len(sources)} different sources of one version.")
        constant = constant_seeds(row)
        if constant:
            notes.append(f"{name(row)}: gives every test item the same class (seeds {', '.join(map(str, constant))}).")
    if len({entry.record.machine for row in group.rows for entry in row.entries}) > 1:
        notes.append("Accuracies are of one run per seed, where several machines ran it from the first one by name.")
    if isinstance(analysis.target, Target):
        if analysis.constant_reaches_target:
            notes.append("Answering with the most frequent class reaches τ: times to match it show nothing.")
        elif not analysis.ranked:
            notes.append(f"Fewer than {RANKED_ITEMS:,} select items: times to match are shown but not ranked.")
    for entry in (entry for each in (group, *_rungs(analysis)) for entry in each.any_entries):
        if entry.copies:
            others = ", ".join(link(each.rpartition("/")[2], each) for each in entry.copies)
            notes.append(
                f"{escape(entry.record.cell.method.name)}, seed {entry.seed}: several files hold this cell; "
                f"{link('this one', entry.link)} is used, left out: {others}."
            )
    return "\n".join(f"- {note}" for note in notes)


def constant_seeds(row: Row) -> list[int]:
    """The seeds whose run gives every test item the same class."""
    return [entry.seed for entry in row.by_seed.values() if _is_constant(entry)]


def _is_constant(entry: Entry) -> bool:
    """Whether a run gave all test items one class; then some class has none right."""
    known = entry.predictions if entry.record.result.worst_class == 0 else None
    return known is not None and len(known[0]) > 1 and bool((known[0] == known[0][0]).all())


def _failures(analysis: Analysis) -> str:
    lines = [
        f"- {name(row)}{_at(group)}, seed {link(str(entry.seed), entry.link)}, {escape(entry.record.machine)}: "
        f"{entry.record.status}: {escape(_last_line(entry.record.reason))}"
        for group in (analysis.group, *_rungs(analysis))
        for row in group.rows
        for entry in row.failures
    ]
    return "\n".join(["Failed:", "", *lines]) if lines else ""


def _last_line(reason: str) -> str:
    """What was raised: the last line of a traceback."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    return text if len(text) <= REASON else f"{text[:REASON]}…"


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
