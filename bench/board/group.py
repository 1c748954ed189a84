"""Records → groups that may stand in one table, and their rows.

A group holds one task version, pair, protocol (by content), arithmetic, pretrained model and teacher (by the sha256
of its weights). Runs that use no teacher belong to every such group, whatever the teacher.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from bench.board.entries import Entry
from bench.board.statistics import paired_differences
from bench.identity import canonical, key_of
from bench.record import CellIdentity, Cost, TeacherUse

SEEDS_FOR_ORDER = 5
"""A row with fewer seeds is provisional and claims no order (the protocol, Fairness 6)."""


def peak_memory(cost: Cost) -> int | None:
    """Bytes of the cell alone: allocated on the GPU, or counted on a CPU; None in records older than the count."""
    if cost.peak_device_allocated_bytes is not None:
        return cost.peak_device_allocated_bytes - (cost.device_before_bytes or 0)
    return cost.peak_tensor_bytes


@dataclass(frozen=True)
class Row:
    """One method with one set of parameters."""

    label: str
    """`kd`, or `kd[temperature=2.0]` where it is tuned or the group has several sets of parameters."""
    method: str
    version: int
    parameters: str
    """Canonical JSON."""
    tuned: bool
    """Whether any parameter differs from the defaults."""
    entries: tuple[Entry, ...]
    """Successful runs on all machines, by seed, then machine."""
    failures: tuple[Entry, ...]
    by_seed: dict[int, Entry]
    """One run per seed: of those on several machines, the one on the machine whose name is first."""
    again: tuple[Entry, ...] = ()
    """Further runs of a seed on one machine, which count nowhere: a teacher with the same weights can have two keys."""

    @cached_property
    def identity(self) -> str:
        """What tells it from the other rows of its group, the same in every group."""
        return f"{self.method} v{self.version} {self.parameters}"

    @property
    def name(self) -> str:
        """The label with its marks: † adapted, * provisional."""
        return self.label + "†" * self.adapted + "*" * self.provisional

    @property
    def taught(self) -> bool:
        """Whether it uses a teacher."""
        return any(entry.record.cell.teacher for entry in (*self.entries, *self.failures))

    @property
    def adapted(self) -> bool:
        return any(entry.record.adapted for entry in (*self.entries, *self.failures))

    @property
    def provisional(self) -> bool:
        return len(self.by_seed) < SEEDS_FOR_ORDER

    @cached_property
    def scores(self) -> dict[int, float]:
        """Seed → the primary metric on test, in percent points."""
        return {seed: entry.score for seed, entry in self.by_seed.items()}

    def at(self, machine: str) -> Row:
        """The row as if there were no other machine."""
        return replace(
            self,
            entries=self.on(machine),
            failures=tuple(each for each in self.failures if each.record.machine == machine),
            by_seed={entry.seed: entry for entry in self.on(machine)},
        )

    @cached_property
    def _machines(self) -> set[str]:
        return {entry.record.machine for entry in self.entries}

    @cached_property
    def _scores_by_machine(self) -> dict[int, dict[str, float]]:
        found: dict[int, dict[str, float]] = defaultdict(dict)
        for entry in self.entries:
            found[entry.seed][entry.record.machine] = entry.score
        return found

    def minus(self, other: Row) -> list[float]:
        """The differences to another row in percent points, over the seeds that both have.

        Of a seed on several machines, the runs on the first machine by name that has both are compared.
        """
        if self._machines == other._machines and len(self._machines) == 1:
            return paired_differences(self.scores, other.scores)
        ours, theirs = {}, {}
        for seed in self.scores.keys() & other.scores.keys():
            here, there = self._scores_by_machine[seed], other._scores_by_machine.get(seed, {})
            machine = min(here.keys() & there.keys(), default="")
            ours[seed] = here.get(machine, self.scores[seed])
            theirs[seed] = there.get(machine, other.scores[seed])
        return paired_differences(ours, theirs)

    def diverged(self, machine: str) -> int:
        """How many runs on one machine ended because a number was not finite: they never reach a target."""
        return sum(each.record.machine == machine and each.record.status == "nan" for each in self.failures)

    def on(self, machine: str) -> tuple[Entry, ...]:
        """The successful runs on one machine."""
        return tuple(entry for entry in self.entries if entry.record.machine == machine)


@dataclass(frozen=True)
class Group:
    """Rows that may be compared."""

    cell: CellIdentity
    """Of any of its records: what they share is task, pair, protocol, budget and arithmetic."""
    kind: tuple[str, ...]
    """What its runs share, but for their budget and their teacher."""
    protocol_hash: str
    teacher: TeacherUse | None
    machines: tuple[str, ...]
    """Those with most successful runs under this teacher first, then with most of all, then whose memory is known."""
    timed: tuple[str, ...]
    """Of these, the ones whose times are shown: with runs under this teacher, or with any where there is no teacher.

    What ran elsewhere without a teacher belongs to that machine's own group.
    """
    rows: tuple[Row, ...]

    @property
    def title(self) -> tuple[str, ...]:
        """Task, pair and protocol, with their versions; a share of the budget stands with the protocol."""
        task, protocol = self.cell.task, self.cell.protocol
        share = "" if self.cell.budget == 1 else f", {self.cell.budget:g} of the budget"
        return (
            f"{task.name} v{task.version}",
            str(self.cell.pair),
            f"{protocol['name']} v{protocol['version']}{share}",
        )

    @cached_property
    def identity(self) -> str:
        """A digest of what tells it from every other group; titles of odd names may be alike."""
        return key_of([*self.kind, self.cell.budget, self.teacher and self.teacher.sha256])

    @property
    def entries(self) -> list[Entry]:
        """All successful runs."""
        return [entry for row in self.rows for entry in row.entries]

    @property
    def any_entries(self) -> list[Entry]:
        """All runs, failures included."""
        return [entry for row in self.rows for entry in (*row.entries, *row.failures)]

    def row_of(self, method: str) -> Row | None:
        """The row that stands for a method as control or target.

        Of several sets of parameters, the defaults; then the one with most seeds; then the newest version; then the
        first by name.
        """
        rows = [row for row in self.rows if row.method == method and row.by_seed]
        return min(rows, key=lambda row: (row.tuned, -len(row.by_seed), -row.version, row.parameters), default=None)


def groups(entries: Iterable[Entry]) -> list[Group]:
    """All groups, by task, pair, protocol; a group's rows by method, newest version first."""
    gathered: dict[tuple[tuple[str, ...], float], list[Entry]] = defaultdict(list)
    for entry in entries:
        gathered[_kind(entry), entry.record.cell.budget].append(entry)
    return [
        _group(members, kind, teacher)
        for (kind, _), all_members in sorted(gathered.items())
        for teacher, members in _by_teacher(all_members)
    ]


def _kind(entry: Entry) -> tuple[str, ...]:
    cell = entry.record.cell
    return (
        cell.task.name,
        f"{cell.task.version:09d}",
        cell.pair.teacher,
        cell.pair.student,
        cell.protocol["name"],
        entry.protocol,
        cell.arithmetic,
        cell.pretrained or "",
    )


def _by_teacher(entries: list[Entry]) -> list[tuple[TeacherUse | None, list[Entry]]]:
    """The runs under each teacher. Runs that use none are under every teacher."""
    uses = [entry.record.teacher for entry in entries if entry.record.teacher]
    if not uses:
        return [(None, entries)]
    return [
        (next(use for use in uses if use.sha256 == sha256), [each for each in entries if _under(each, sha256, uses)])
        for sha256 in sorted({use.sha256 for use in uses})
    ]


def _under(entry: Entry, sha256: str, uses: list[TeacherUse]) -> bool:
    """Whether a run belongs to the teacher with these weights. A failure names its teacher's key alone."""
    if entry.record.teacher:
        return entry.record.teacher.sha256 == sha256
    key = entry.record.cell.teacher
    return key is None or key not in {use.key for use in uses} - {use.key for use in uses if use.sha256 == sha256}


def _group(entries: list[Entry], kind: tuple[str, ...], teacher: TeacherUse | None) -> Group:
    done = [entry.record for entry in entries if entry.record.ok]
    # Runs that use no teacher are in the group of every teacher: they must not decide where this one's were made.
    taught = Counter(record.machine for record in done if record.teacher)
    counts = Counter(record.machine for record in done)
    known = Counter(record.machine for record in done if peak_memory(record.cost) is not None)
    machines = sorted({entry.record.machine for entry in entries}, key=lambda m: (-taught[m], -counts[m], -known[m], m))
    sets: dict[tuple[str, int, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        method = entry.record.cell.method
        sets[method.name, -method.version, entry.parameters].append(entry)
    labels = _labels(sets)
    timed = tuple(machine for machine in machines if (taught if teacher else counts)[machine])
    rows = tuple(_row(labels[key], sets[key]) for key in sorted(sets))
    return Group(entries[0].record.cell, kind, entries[0].protocol, teacher, tuple(machines), timed, rows)


def _row(label: str, entries: list[Entry]) -> Row:
    # By name, so that no other run changes which one of a seed counts.
    ordered = sorted(entries, key=lambda entry: (entry.seed, entry.record.machine, entry.link))
    every = [entry for entry in ordered if entry.record.ok]
    # Reversed, so that the first of a seed is the one that stays.
    places = {(entry.seed, entry.record.machine): entry for entry in reversed(every)}
    done = [entry for entry in every if places[entry.seed, entry.record.machine] is entry]
    by_seed = {entry.seed: entry for entry in reversed(done)}
    method = ordered[0].record.cell.method
    return Row(
        label=label,
        method=method.name,
        version=method.version,
        parameters=ordered[0].parameters,
        tuned=bool(ordered[0].record.tuned),
        entries=tuple(done),
        failures=tuple(entry for entry in ordered if not entry.record.ok),
        by_seed=dict(sorted(by_seed.items())),
        again=tuple(entry for entry in every if places[entry.seed, entry.record.machine] is not entry),
    )


def _labels(sets: dict[tuple[str, int, str], list[Entry]]) -> dict[tuple[str, int, str], str]:
    """The name; the version if the group has several; the parameters that are tuned, or in which the sets differ."""
    labels = {}
    for name in {key[0] for key in sets}:
        keys = [key for key in sets if key[0] == name]
        parameters = {key: sets[key][0].record.cell.method.parameters for key in keys}
        differing = [
            field
            for field in sorted({field for each in parameters.values() for field in each})
            if len({_shown(each, field) for each in parameters.values()}) > 1
        ]
        for key in keys:
            told = sorted({*differing, *sets[key][0].record.tuned})
            version = f" v{-key[1]}" if len({each[1] for each in keys}) > 1 else ""
            labels[key] = name + version + in_brackets(parameters[key], told)
    return labels


def in_brackets(parameters: dict[str, Any], told: Iterable[str]) -> str:
    """`[temperature=2.0]`: what stands behind a method's name; empty where none is to be told."""
    texts = [text for field in told if (text := _shown(parameters, field))]
    return f"[{', '.join(texts)}]" if texts else ""


def _shown(parameters: dict[str, Any], field: str) -> str:
    """`temperature=2.0`; empty for a version of the method that has no such parameter."""
    if field not in parameters:
        return ""
    value = parameters[field]
    return f"{field}={value if isinstance(value, str) else canonical(value)}"
