"""What a reader of a group's tables must know, as pairs of a term and a text, and as notes."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.analysis import RANKED_ITEMS, Analysis
from bench.board.figures import decimal, point, seconds
from bench.board.group import SEEDS_FOR_ORDER
from bench.board.section import constant_seeds, notes_of
from bench.board.stored_targets import StoredTargets
from bench.board.target import RULE, Target
from bench.board.verdict import verdict_of


def facts(analysis: Analysis, stored: StoredTargets) -> list[tuple[str, str]]:
    """Budget, splits, arithmetic, teacher, targets."""
    group = analysis.group
    cell, protocol = group.cell, group.cell.protocol
    seen = f"at most {protocol['fit_items']:,} fixed examples" if protocol.get("fit_items") else "all examples"
    student, teaching = protocol["student"], protocol["teacher"]
    found = [
        (
            "Budget",
            f"Students see {seen} of fit for {student['epochs'] * cell.budget:g} epochs, batch "
            f"{student['batch_size']}; teachers all of fit for {teaching['epochs']:g}. "
            f"{protocol['evaluations']} evaluations.",
        ),
        (
            "Splits",
            f"{_items(entry.record.select_items for entry in group.entries)} select items"
            f"{'' if protocol['select'] else ' (the protocol has no select split)'}, "
            f"{_items(entry.record.test_items for entry in group.entries)} test items.",
        ),
        ("Arithmetic", cell.arithmetic),
        ("Protocol", f"{group.protocol_hash[:8]}, the hash of its content"),
    ]
    if cell.pretrained:
        found.append(("Pretrained", f"Students start from pretrained weights {cell.pretrained[:12]}."))
    if teacher := group.teacher:
        found.append(
            (
                "Teacher",
                f"{teacher.network}: test {decimal(teacher.test)}, select {point(teacher.select).text}, trained on "
                f"{teacher.trained_on} in {seconds(teacher.train_seconds).text} where it was made, on no student's "
                f"clock; weights {teacher.sha256[:12]}.",
            )
        )
    targets = [
        (analysis.target_method, analysis.target),
        *([analysis.control_target] if analysis.control_target else []),
    ]
    return [*found, *((f"Target of {method}", _target(target, stored)) for method, target in targets)]


def notes(analysis: Analysis) -> list[str]:
    """What the task says of itself, what was skipped, and what limits the tables."""
    group = analysis.group
    shown = {row.method for row in group.rows}
    skipped = {name: why for entry in group.any_entries for name, why in entry.record.skipped.items()}
    found = notes_of(group)
    found += [f"Skipped: {name}: {skipped[name]}." for name in sorted(set(skipped) - shown)]
    for control, chosen in analysis.controls:
        if chosen is None:
            found.append(f"The control {control} has no run here: nothing can be held against it.")
        elif sum(row.method == control for row in group.rows) > 1:
            found.append(f"“vs {control}” is against {chosen.label}.")
    for row in group.rows:
        sources = {entry.record.provenance.source_sha256 for entry in row.entries}
        if len(sources) > 1:
            found.append(f"{row.label}: its runs were made by {len(sources)} different sources of one version.")
        if constant := constant_seeds(row):
            found.append(f"{row.label}: gives every test item the same class (seeds {', '.join(map(str, constant))}).")
    if len({entry.record.machine for entry in group.entries}) > 1:
        found.append("Accuracies are of one run per seed, where several machines ran it from the first one by name.")
    if isinstance(analysis.target, Target):
        if analysis.constant_reaches_target:
            found.append("Answering with the most frequent class reaches τ: times to match it show nothing.")
        elif not analysis.ranked:
            found.append(f"Fewer than {RANKED_ITEMS:,} select items: times to match are shown but not ranked.")
    for entry in group.any_entries:
        if entry.copies:
            name = f"{entry.record.cell.method.name}, seed {entry.seed}"
            found.append(f"{name}: several files hold this cell; left out: {', '.join(entry.copies)}.")
    return found


def verdict_text(analysis: Analysis) -> str:
    """Which methods differ from plain training, in words."""
    verdict = verdict_of(analysis)
    if verdict is None:
        control, _ = analysis.plain
        return f"No method has {SEEDS_FOR_ORDER} seeds in common with {control}: no order is claimed."
    said = {
        f"Better than {verdict.control}": [f"{row.label} {decimal(mean, signed=True)}" for row, mean in verdict.better],
        f"Worse than {verdict.control}": [f"{row.label} {decimal(mean, signed=True)}" for row, mean in verdict.worse],
        f"Not told apart from {verdict.control}": [row.label for row in verdict.open],
    }
    return " ".join(f"{word}: {', '.join(names)}." for word, names in said.items() if names)


def _items(counts: Iterable[int | None]) -> str:
    return ", ".join(f"{each:,}" for each in sorted({each for each in counts if each is not None})) or "unknown"


def _target(target: Target | str, stored: StoredTargets) -> str:
    if isinstance(target, str):
        return f"None: {target}."
    number = stored.number(target)
    values = ", ".join(f"{seed}: {decimal(value)}" for seed, value in target.by_seed.items())
    older = [
        f"version {each.number} was {decimal(each.value)}" for each in stored.versions(target) if each.number < number
    ]
    former = f" Times to match earlier targets are not comparable: {', '.join(older)}." if older else ""
    return (
        f"τ = {decimal(target.value)}, version {number}, from {target.row.label} (seed: m at the end: {values}; lower "
        f"median − {target.margin:g}), rule {RULE}.{former}"
    )
