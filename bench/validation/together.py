"""Records together: the same cell twice is a problem; what must not be averaged is said."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from bench.complaints import Complaint
from bench.identity import canonical
from bench.record import CellIdentity

APART = "never averaged, the board keeps them apart"


@dataclass(frozen=True)
class Found:
    """What is remembered of a record."""

    file: str
    machine: str
    key: str
    ok: bool
    cell: CellIdentity
    reference: bool = False
    """Whether it lies in the baseline: a copy, which no board reads."""


def duplicates(found: Iterable[Found]) -> Iterator[tuple[str, Complaint]]:
    """Every file that has a cell of another one, with that one."""
    first: dict[Hashable, str] = {}
    for each in found:
        other = first.setdefault((each.reference, each.machine, each.key, each.ok), each.file)
        if other != each.file:
            yield each.file, ("key", f"is that of {other} too, on the same machine: expected one file a cell")


def notes(found: list[Found]) -> Iterator[str]:
    """What a reader of these records should know, and no record is wrong about."""
    done = {(each.machine, each.key): each.file for each in found if each.ok}
    for each in found:
        if not each.ok and (success := done.get((each.machine, each.key))):
            yield f"{each.file}: a failure of the cell that {success} has as done: the board leaves the failure out"
    for kind in ("task", "method"):
        versions: dict[str, Counter] = defaultdict(Counter)
        for each in found:
            plugin = getattr(each.cell, kind)
            versions[plugin.name][plugin.version] += 1
        for name, counts in sorted(versions.items()):
            if len(counts) > 1:
                told = ", ".join(f"{counts[version]} of version {version}" for version in sorted(counts))
                yield f"{kind} {name}: records of several versions ({told}): {APART}"
    yield from _protocols(found)


def _protocols(found: list[Found]) -> Iterator[str]:
    contents: dict[tuple[str, str], dict[str, dict]] = defaultdict(dict)
    for each in found:
        protocol = each.cell.protocol
        contents[each.cell.task.name, protocol["name"]][canonical(protocol)] = protocol
    for (task, name), distinct in sorted(contents.items()):
        if len(distinct) > 1:
            fields = sorted({field for protocol in distinct.values() for field in protocol})
            differing = [
                field for field in fields if len({canonical(protocol.get(field)) for protocol in distinct.values()}) > 1
            ]
            yield f"protocol {name} of {task}: {len(distinct)} contents, unlike in {', '.join(differing)}: {APART}"
