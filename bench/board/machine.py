"""What a reader needs to judge the times of one machine: hardware, threads, load and versions of its runs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bench.board.entries import Entry
from bench.board.markdown import escape

FIELDS = {"device": "", "cores": "cores", "threads": "threads", "system": ""}
"""Of `record.environment`, with the word that stands before the values."""
DECISIVE = ("device", "cpu_capability", "threads")
"""Where these differ, times do not compare."""
ALONE = 0.5
"""By how much the load average may be above the cores before something else must have run there too."""


def machine_facts(entries: Iterable[Entry]) -> str:
    """One line; where runs differ, all values."""
    records = [entry.record for entry in entries]
    environments = [record.environment for record in records]
    facts = []
    for field, word in FIELDS.items():
        values = _distinct(environment.get(field) for environment in environments)
        if values:
            facts.append(f"{word} {escape(', '.join(values))}".strip())
    memories = _distinct(_memory(environment) for environment in environments)
    if memories:
        facts.append(f"memory {', '.join(memories)}")
    loads = [each["load_average"] for each in environments if each.get("load_average") is not None]
    if loads:
        facts.append(f"load {min(loads):.1f} to {max(loads):.1f}")
    versions = [record.provenance.versions for record in records]
    facts += [
        escape(f"{package} {', '.join(_distinct(each.get(package) for each in versions))}")
        for package in sorted({package for each in versions for package in each})
    ]
    shared = sum(map(_shared, environments))
    crowded = (
        f" **{shared} of {len(records)} runs shared the machine, whose load was above its cores.**" if shared else ""
    )
    differing = [field for field in DECISIVE if len(_distinct(each.get(field) for each in environments)) > 1]
    warning = f" **Runs differ in {' and '.join(differing)}: their times do not compare.**" if differing else ""
    return "; ".join(facts) + "." + warning + crowded


def _shared(environment: dict) -> bool:
    """Whether something else must have run beside: such times are too long."""
    return (environment.get("load_average") or 0.0) > (environment.get("cores") or math.inf) + ALONE


def _memory(environment: dict) -> str | None:
    size = environment.get("memory_bytes")
    return None if size is None else f"{size / 2**30:.0f} GiB"


def _distinct(values: Iterable[object]) -> list[str]:
    """The values that are known, as text, each once, in order."""
    return sorted({str(value) for value in values if value is not None})
