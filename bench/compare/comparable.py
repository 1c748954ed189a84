"""Why two runs of one row cannot be compared: at all, in what is counted, or to the bit; what no version announces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.compare.words import change, differing, of_seeds
from bench.errors import listed
from bench.record import Record

HARNESS = "kdbench"
"""Of `provenance.versions`: the version of what is compared."""
CONDITIONS = {"threads": "threads", "cpu_capability": "instructions"}
"""Of `record.environment`: what decides the bits on a CPU, and its name for readers."""


def reasons(base: Record, head: Record, in_one_go: bool = False) -> list[str]:
    """Why no figure of the two is comparable, though nothing need be wrong.

    in_one_go: whether both ran here and now; then another model or teacher is the code's doing, and is compared.
    """
    one, other = base.cell, head.cell
    same_version = list(_same_version(base, head))
    found = _versions(base, head)
    # Nothing is compared anyhow, but it is said.
    found += same_version if found else []
    if in_one_go:
        return found
    if one.pretrained != other.pretrained:
        found.append(f"pretrained model {_short(one.pretrained)} → {_short(other.pretrained)}")
    # A teacher's key follows from the above, or it is another one.
    if not found and not same_version and one.teacher != other.teacher:
        found.append(f"teacher {_short(one.teacher)} → {_short(other.teacher)}")
    return found


def unannounced(base: Record, head: Record) -> list[str]:
    """What the task or the protocol changed under the same versions: that is a regression, whatever the figures say."""
    return [] if _versions(base, head) else [f"{changes}; raise its version" for changes in _same_version(base, head)]


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


def not_to_the_bit(base: Record, head: Record, in_one_go: bool = False) -> str:
    """Why the bits of two runs may differ though the code is the same; in one go, a GPU is the only reason."""
    if on_gpu(base) or on_gpu(head):
        return "a GPU does not repeat its bits"
    if in_one_go:
        return ""
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


def _versions(base: Record, head: Record) -> list[str]:
    """Which versions of the task and the protocol differ."""
    one, other = base.cell, head.cell
    found = []
    if one.task.version != other.task.version:
        found.append(f"task {one.task.name} v{one.task.version} → v{other.task.version}")
    if one.protocol["version"] != other.protocol["version"]:
        found.append(f"protocol {one.protocol['name']} v{one.protocol['version']} → v{other.protocol['version']}")
    return found


def _same_version(base: Record, head: Record) -> Iterator[str]:
    """What differs of the task and the protocol where their versions do not."""
    one, other = base.cell, head.cell
    if one.task.version == other.task.version and base.metric != head.metric:
        changes = f"metric {base.metric} → {head.metric}"
        yield f"task {one.task.name} changed under the same version {one.task.version}: {changes}"
    if one.protocol["version"] == other.protocol["version"] and one.protocol != other.protocol:
        changes = [f"{field} {change(*values)}" for field, *values in differing(one.protocol, other.protocol)]
        name, version = one.protocol["name"], one.protocol["version"]
        yield f"protocol {name} changed under the same version {version}: {listed(changes, 3)}"


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest.removeprefix("file:")[:12]
