"""Why two runs of one row cannot be compared: at all, in what is counted, or to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.compare.words import change, differing, of_seeds
from bench.errors import listed
from bench.record import Record

HARNESS = "kdbench"
"""Of `provenance.versions`: the version of what is compared."""
CONDITIONS = {"threads": "threads", "cpu_capability": "instructions"}
"""Of `record.environment`: what decides the bits on a CPU, and its name for readers."""


def reasons(base: Record, head: Record) -> list[str]:
    """Why no figure of the two is comparable."""
    one, other = base.cell, head.cell
    found = []
    if one.task.version != other.task.version:
        found.append(f"task {one.task.name} v{one.task.version} → v{other.task.version}")
    if one.protocol["version"] != other.protocol["version"]:
        found.append(f"protocol {one.protocol['name']} v{one.protocol['version']} → v{other.protocol['version']}")
    elif one.protocol != other.protocol:
        changes = [f"{field} {change(*values)}" for field, *values in differing(one.protocol, other.protocol)]
        found.append(f"protocol {one.protocol['name']} of the same version: {listed(changes, 3)}")
    if one.pretrained != other.pretrained:
        found.append(f"pretrained model {_short(one.pretrained)} → {_short(other.pretrained)}")
    if base.metric != head.metric:
        found.append(f"metric {base.metric} → {head.metric}")
    # A teacher's key follows from the above, or it is another one.
    if not found and one.teacher != other.teacher:
        found.append(f"teacher {_short(one.teacher)} → {_short(other.teacher)}")
    return found


@dataclass(frozen=True)
class Pairs:
    """The runs of both sides that a figure is compared on."""

    by_seed: dict[int, tuple[Record, Record]]
    left_out: str
    """Why others are not; empty where there are none."""


def pairs_without(pairs: dict[int, tuple[Record, Record]], why_not: Callable[[Record, Record], str]) -> Pairs:
    """Of the runs that succeeded on both sides, those that `why_not` has nothing against."""
    if not pairs:
        return Pairs({}, "no seed succeeded on both sides")
    against = {seed: why_not(*both) for seed, both in pairs.items()}
    left_out = [
        f"{reason} ({of_seeds([seed for seed in against if against[seed] == reason])})"
        for reason in dict.fromkeys(against.values())
        if reason
    ]
    return Pairs({seed: both for seed, both in pairs.items() if not against[seed]}, "; ".join(left_out))


def not_to_the_bit(base: Record, head: Record) -> str:
    """Why the bits of two runs may differ though the code is the same."""
    if on_gpu(base) or on_gpu(head):
        return "a GPU does not repeat its bits"
    return "; ".join(filter(None, (other_versions(base, head), other_conditions(base, head))))


def other_versions(base: Record, head: Record) -> str:
    """Which versions of packages differ."""
    changes = differing(base.provenance.versions, head.provenance.versions)
    return ", ".join(f"{package} {change(*values)}" for package, *values in changes if package != HARNESS)


def other_conditions(base: Record, head: Record) -> str:
    """Which conditions of computing on a CPU differ."""
    conditions = [{label: each.environment.get(field) for field, label in CONDITIONS.items()} for each in (base, head)]
    return ", ".join(f"{label} {change(*values)}" for label, *values in differing(*conditions))


def on_gpu(record: Record) -> bool:
    """Of a successful run."""
    return record.cost.peak_device_allocated_bytes is not None


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest.removeprefix("file:")[:12]
