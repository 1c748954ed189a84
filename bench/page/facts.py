"""What a reader of a group's tables must know, as pairs of a term and a text, and as notes."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.cost import RANKED_ITEMS, ranked
from bench.board.group import Group
from bench.board.markdown import point, seconds
from bench.board.section import notes_of
from bench.board.target import RULE, Target


def facts(group: Group, target: Target | str) -> list[tuple[str, str]]:
    """Teacher, budget, splits, arithmetic, target."""
    cell, protocol = group.cell, group.cell.protocol
    seen = f"at most {protocol['fit_items']:,} fixed examples" if protocol.get("fit_items") else "all examples"
    student, teaching = protocol["student"], protocol["teacher"]
    found = [
        (
            "Budget",
            f"Students see {seen} of fit for {student['epochs']:g} epochs, batch {student['batch_size']}; teachers "
            f"all of fit for {teaching['epochs']:g}. {protocol['evaluations']} evaluations.",
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
                f"{teacher.network}: test {point(teacher.test)}, select {point(teacher.select)}, trained on "
                f"{teacher.trained_on} in {seconds(teacher.train_seconds)} where it was made; "
                f"weights {teacher.sha256[:12]}.",
            )
        )
    return [*found, ("Target", _target(target))]


def notes(group: Group) -> list[str]:
    """What the task says of itself, what was skipped, and what limits the tables."""
    shown = {row.method for row in group.rows}
    skipped = {name: why for entry in group.any_entries for name, why in entry.record.skipped.items()}
    found = notes_of(group)
    found += [f"Skipped: {name}: {skipped[name]}." for name in sorted(set(skipped) - shown)]
    for row in group.rows:
        sources = {entry.record.provenance.source_sha256 for entry in row.entries}
        if len(sources) > 1:
            found.append(f"{row.label}: its runs were made by {len(sources)} different sources of one version.")
    if len({entry.record.machine for entry in group.entries}) > 1:
        found.append(
            f"The table of accuracy takes one run per seed: from {group.machines[0]} where there is one, which has the "
            "most runs."
        )
    if not ranked(group):
        found.append(f"Fewer than {RANKED_ITEMS:,} select items: times to match are shown but not ranked.")
    return found


def _items(counts: Iterable[int | None]) -> str:
    return ", ".join(f"{each:,}" for each in sorted({each for each in counts if each is not None})) or "unknown"


def _target(target: Target | str) -> str:
    if isinstance(target, str):
        return f"None: {target}."
    values = ", ".join(f"{seed}: {value:.2f}" for seed, value in target.by_seed.items())
    return f"τ = {target.value:.2f}, from {target.row.label} (seed: m at the end: {values}), rule {RULE}."
