"""What a reader needs to judge the times of one machine: hardware, threads, load and versions of its runs."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board.entries import Entry
from bench.board.markdown import escape

FIELDS = {"device": "", "cpu_capability": "instructions", "cores": "cores", "threads": "threads", "system": ""}
"""Of `record.environment`, with the word that stands before the values."""
DECISIVE = ("device", "cpu_capability", "threads")
"""Where these differ, times do not compare."""
ALONE = 0.5
"""By how much the load average may be above the cores before something else must have run there too."""


def machine_facts(entries: Iterable[Entry]) -> str:
    """One line of Markdown; where runs differ, all values."""
    entries = list(entries)
    said = "".join(f" **{escape(warning)}**" for warning in warnings(entries))
    return escape("; ".join(facts(entries)) + ".") + said


def facts(entries: Iterable[Entry]) -> list[str]:
    """`cores 2`, `torch 2.9.0`: as plain text; where runs differ, all values."""
    records = [entry.record for entry in entries]
    environments = [record.environment for record in records]
    known = []
    for field, word in FIELDS.items():
        values = _distinct(environment.get(field) for environment in environments)
        if values:
            known.append(f"{word} {', '.join(values)}".strip())
    memories = _distinct(_memory(environment) for environment in environments)
    if memories:
        known.append(f"memory {', '.join(memories)}")
    loads = [load for each in environments if _number(load := each.get("load_average"))]
    if loads:
        known.append(f"load {min(loads):.1f} to {max(loads):.1f}")
    versions = [record.provenance.versions for record in records]
    known += [
        f"{package} {', '.join(_distinct(each.get(package) for each in versions))}"
        for package in sorted({package for each in versions for package in each})
    ]
    return known


def warnings(entries: Iterable[Entry]) -> list[str]:
    """What makes the times of these runs doubtful, a sentence each."""
    entries = list(entries)
    environments = [entry.record.environment for entry in entries]
    found = []
    plain = sum(entry.record.ok and not entry.record.cost.played_steps for entry in entries)
    if 0 < plain < len(entries):
        found.append(
            f"{plain} of {len(entries)} runs started every step kernel by kernel, the others played recorded steps: "
            "their times do not compare."
        )
    differing = [field for field in DECISIVE if len(_distinct(each.get(field) for each in environments)) > 1]
    if differing:
        found.append(f"Runs differ in {' and '.join(differing)}: their times do not compare.")
    shared = sum(map(_shared, environments))
    if shared:
        found.append(f"{shared} of {len(environments)} runs shared the machine, whose load was above its cores.")
    return found


def _shared(environment: dict) -> bool:
    """Whether something else must have run beside: such times are too long."""
    load, cores = environment.get("load_average"), environment.get("cores")
    return _number(load) and _number(cores) and load > cores + ALONE


def _memory(environment: dict) -> str | None:
    size = environment.get("memory_bytes")
    return f"{size / 2**30:.0f} GiB" if _number(size) else None


def _number(value: object) -> bool:
    """A record may hold anything in its environment."""
    return isinstance(value, int | float)


def _distinct(values: Iterable[object]) -> list[str]:
    """The values that are known, as text, each once, in order."""
    return sorted({str(value) for value in values if value is not None})
