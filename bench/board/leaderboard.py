"""LEADERBOARD.md: records → text. The same records give the same file, whatever the order they are read in."""

from __future__ import annotations

import difflib
import gc
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.board.accuracy import difference, name
from bench.board.entries import entries
from bench.board.group import SEEDS_FOR_ORDER, Group, groups
from bench.board.markdown import escape, point
from bench.board.section import notes_of, section
from bench.record import Record

HEADER = f"""\
# Leaderboard

Made by `python -m bench leaderboard` from the records that its rows link to; do not edit.
`python -m bench show FILE` prints a record. A row's command takes data that do not come with the code from
`BENCH_DATA_DIR`, or downloads them.

- **test**: the metric on the test split after the last epoch, in percent points: mean ± 95% interval (seeds).
  **at best select**: after the epoch that was best on `select`. Nothing is chosen on test.
- **vs …**: the difference to a control, paired by seed: same teacher, initial weights, batches and augmentation.
- **training time**: seconds on the training clock; evaluation, warm-up and the teacher's own training are not on it.
  **peak memory**: median (range) over seeds of what the run added to the GPU's allocations, or to the resident set on
  the CPU, where the allocator's own habits move it by tens of percent.
  **parameters**: of the student, + trainable beside it (adapters, peers, a teacher that learns).
- **time to match**: seconds until the mean of the last evaluations on `select` reaches τ (runs that reach it/runs);
  the median over seeds, ∞ taking part. τ is the lower median of the target method's values at the end, minus δ.
  **× …**: as a multiple of the target method's own.
- † adapted from another modality. \\* provisional, fewer than {SEEDS_FOR_ORDER} seeds: by name, no order claimed.
- Failed runs are shown as failed and are in no mean. Times and memory of different machines are never in one table.
"""


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Records hold no cycles; looking for some takes a quarter of the time that it takes to read them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@no_garbage_collection()
def leaderboard(records: Iterable[tuple[Path, Record]], folder: Path) -> str:
    """The whole board. folder: where the file will be, from which the links to the records go."""
    found = groups(entries(records, folder))
    if not found:
        return f"{HEADER}\nNo records yet: `python -m bench run` makes them.\n"
    seen: dict[str, set[str]] = defaultdict(set)
    for group in found:
        seen[group.cell.task.name].update(row.method for row in group.rows)
    names = titles(found)
    sections = [section(group, title, seen[group.cell.task.name]) for group, title in zip(found, names, strict=True)]
    return "\n\n".join([HEADER.rstrip(), _summary(found, names), *sections]) + "\n"


def difference_to_file(path: Path, text: str) -> str:
    """What would change in a file, as a unified diff; empty if nothing would. A file that is not there is empty."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old == text:
        return ""
    changes = difflib.unified_diff(
        old.splitlines(keepends=True), text.splitlines(keepends=True), str(path), f"{path} (from the records)"
    )
    return "".join(changes)


def titles(found: list[Group]) -> list[str]:
    """Task, pair, protocol; and where groups share these, what tells them apart."""
    sharing = Counter(group.title for group in found)
    told = []
    for group in found:
        parts = list(group.title)
        if sharing[group.title] > 1:
            marks = [_marks(other) for other in found if other.title == group.title]
            parts += [mark for number, mark in enumerate(_marks(group)) if len({each[number] for each in marks}) > 1]
        told.append(" · ".join(parts))
    return told


def _marks(group: Group) -> tuple[str, ...]:
    return (
        f"protocol {group.protocol_hash[:8]}",
        group.cell.arithmetic,
        f"teacher {group.teacher.sha256[:8]}" if group.teacher else "no teacher",
    )


def _summary(found: list[Group], titles: list[str]) -> str:
    lines = [
        f"- {escape(title)}: {_verdict(group)}" + (" See its note." if notes_of(group) else "")
        for group, title in zip(found, titles, strict=True)
    ]
    return "\n".join(["## In short", "", *lines])


def _verdict(group: Group) -> str:
    """Which methods differ from plain training: the 95% interval of the paired difference excludes 0."""
    control = group.cell.protocol["controls"][0]
    reference = group.row_of(control)
    differences = [(row, difference(row, reference)) for row in group.rows]
    certain = [(row, each) for row, each in differences if each is not None and each.n >= SEEDS_FOR_ORDER]
    if not certain:
        return f"no method has {SEEDS_FOR_ORDER} seeds in common with {escape(control)}: nothing is claimed."
    certain.sort(key=lambda pair: (-pair[1].mean, pair[0].label))
    verdicts = [
        f"{word} than {escape(control)}: "
        + ", ".join(f"{name(row)} {point(each.mean, signed=True)}" for row, each in chosen)
        for word, chosen in (
            ("better", [pair for pair in certain if pair[1].above_zero]),
            ("worse", [pair for pair in certain if pair[1].below_zero]),
        )
        if chosen
    ]
    open_cases = [name(row) for row, each in certain if not (each.above_zero or each.below_zero)]
    if open_cases:
        verdicts.append(f"not told apart from {escape(control)}: {', '.join(open_cases)}")
    return "; ".join(verdicts) + "."
