"""What a reader of a group's tables must know, in plain text that Markdown and the page show: facts, notes, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.board.analysis import RANKED_ITEMS, Analysis
from bench.board.figures import decimal, point, seconds
from bench.board.group import SEEDS_FOR_ORDER, Group, Row
from bench.board.stored_targets import StoredTargets
from bench.board.target import RULE, Target
from bench.board.verdict import verdict_of

SEVERAL_MACHINES = (
    "Accuracies are of one run per seed, where several machines ran it from the first one by name; differences are "
    "taken on one machine where one has both runs; times and memory are of the machine that stands above them."
)
REASON = 200
"""Characters of a failure's reason that are shown."""


def facts(analysis: Analysis, stored: StoredTargets) -> list[tuple[str, str]]:
    """Pairs of a term and a text: budget, splits, protocol, what the task says, teacher, targets."""
    group = analysis.group
    cell, protocol = group.cell, group.cell.protocol
    seen = f"at most {protocol['fit_items']:,} fixed examples" if protocol.get("fit_items") else "all"
    student, teaching = protocol["student"], protocol["teacher"]
    select = f"{_items(entry.record.select_items for entry in group.entries)} select items"
    found = [
        (
            "Budget",
            f"students see {seen} of fit for {student['epochs'] * cell.budget:g} epochs, batch "
            f"{student['batch_size']}; teachers all of fit for {teaching['epochs']:g}; {protocol['evaluations']} "
            "evaluations",
        ),
        (
            "Splits",
            f"{select if protocol['select'] else 'no select split'}, "
            f"{_items(entry.record.test_items for entry in group.entries)} test items",
        ),
        ("Protocol", f"{group.protocol_hash[:8]}, the hash of its content; {cell.arithmetic}"),
    ]
    if cell.pretrained:
        found.append(
            (
                "Pretrained",
                f"students start from pretrained weights; {cell.pretrained[:12]} is the digest of configuration, "
                "tokenizer and weights before they learn",
            )
        )
    found += [("Note", note) for note in sorted({entry.record.task_note for entry in group.any_entries} - {""})]
    if teacher := group.teacher:
        found.append(
            (
                "Teacher",
                f"{teacher.network}, weights {teacher.sha256[:12]}: test {decimal(teacher.test)}, select "
                f"{point(teacher.select).text}, trained on {teacher.trained_on}; its training, on no "
                f"student's clock, took {_teacher_times(group)}",
            )
        )
    targets = [(analysis.target_method, analysis.target)]
    targets += [analysis.control_target] if analysis.control_target else []
    return found + [(f"Time to match {method}", _target(target, stored)) for method, target in targets]


def notes(analysis: Analysis, seen: Iterable[str] = ()) -> list[str]:
    """What was skipped, and what limits the tables. seen: the methods that the board shows anywhere for this task."""
    group = analysis.group
    shown = {row.method for row in group.rows}
    skipped = {name: why for entry in group.any_entries for name, why in entry.record.skipped.items()}
    found = [f"Skipped: {name}: {skipped[name]}." for name in sorted(set(skipped) - shown)]
    absent = sorted(set(seen) - shown - set(skipped))
    if absent:
        found.append(f"Not run here: {', '.join(absent)}.")
    for control, chosen in analysis.controls:
        if chosen is None:
            found.append(f"The control {control} has no run here: nothing can be held against it.")
        elif sum(row.method == control for row in group.rows) > 1:
            found.append(f"“vs {control}” is against {chosen.name}.")
    for row in group.rows:
        found += _of_row(row)
    if len({entry.record.machine for entry in group.entries}) > 1:
        found.append(SEVERAL_MACHINES)
    if isinstance(analysis.target, Target):
        if analysis.constant_reaches_target:
            found.append("Answering with the most frequent class reaches τ: times to match it show nothing.")
        elif not analysis.ranked:
            found.append(f"Fewer than {RANKED_ITEMS:,} select items: times to match are shown but not ranked.")
    return found + [note for each in (group, *analysis.rungs.values()) for note in _copies(each)]


def verdict(analysis: Analysis) -> str:
    """Which methods differ from plain training."""
    found = verdict_of(analysis)
    if found is None:
        control, _ = analysis.plain
        return f"No method has {SEEDS_FOR_ORDER} seeds in common with {control}: no order is claimed."
    said = {
        f"Better than {found.control}": [f"{row.name} {decimal(mean, signed=True)}" for row, mean in found.better],
        f"Worse than {found.control}": [f"{row.name} {decimal(mean, signed=True)}" for row, mean in found.worse],
        f"Not told apart from {found.control}": [row.name for row in found.open],
    }
    return " ".join(f"{word}: {', '.join(names)}." for word, names in said.items() if names)


def raised(reason: str) -> str:
    """What a failed run raised: the last line of its traceback, not all of a long one; the record has it."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    return text if len(text) <= REASON else f"{text[:REASON]}…"


def _of_row(row: Row) -> Iterator[str]:
    sources = {entry.record.provenance.source_sha256 for entry in row.entries}
    if len(sources) > 1:
        yield f"{row.name}: its runs were made by {len(sources)} different sources of one version."
    constant = [str(entry.seed) for entry in row.by_seed.values() if entry.is_constant]
    if constant:
        yield f"{row.name}: gives every test item the same class (seeds {', '.join(constant)})."
    for entry in row.again:
        yield f"{row.name}: another run of seed {entry.seed} on {entry.record.machine} is left out: {entry.link}."


def _copies(group: Group) -> Iterator[str]:
    for entry in group.any_entries:
        if entry.copies:
            cell = f"{entry.record.cell.method.name}, seed {entry.seed}"
            yield f"{cell}: several files hold this cell; {entry.link} is used, left out: {', '.join(entry.copies)}."


def _teacher_times(group: Group) -> str:
    """As the records of each machine say: the same weights may have been trained on several."""
    known = {
        entry.record.machine: entry.record.teacher.train_seconds for entry in group.entries if entry.record.teacher
    }
    return ", ".join(f"{seconds(value).text} ({machine})" for machine, value in sorted(known.items())) or "–"


def _items(counts: Iterable[int | None]) -> str:
    return ", ".join(f"{each:,}" for each in sorted({each for each in counts if each is not None})) or "unknown"


def _target(target: Target | str, stored: StoredTargets) -> str:
    if isinstance(target, str):
        return f"no target ({target})"
    number = stored.number(target)
    values = ", ".join(f"{seed}: {decimal(value)}" for seed, value in target.by_seed.items())
    others = [each for each in stored.versions(target) if each.number != number]
    values_of_others = ", ".join(f"{each.number} ({decimal(each.value)})" for each in others)
    apart = f"; times to match other versions are not comparable: {values_of_others}" if others else ""
    return (
        f"τ = {decimal(target.value)}, version {number}, from {target.row.name} (seed: m at the end: {values}; sd "
        f"{point(target.deviation).text}; lower median − {target.margin:g}), configuration {target.configuration[:8]}, "
        f"rule {RULE}{apart}"
    )
