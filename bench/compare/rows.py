"""Records → the rows of each side, and which row of the other side each is held against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.board.group import in_brackets
from bench.compare.comparable import Pairs, not_to_the_bit, other_versions, pairs_without, reasons, unannounced
from bench.compare.finding import RowName
from bench.identity import canonical
from bench.protocol import at_share
from bench.record import CellIdentity, Record


@dataclass(frozen=True)
class Runs:
    """A row on one side: its cells differ in their seeds alone."""

    name: RowName
    by_seed: dict[int, Record]
    """One record a seed, failures included, in the order of the seeds."""

    @property
    def any(self) -> Record:
        return next(iter(self.by_seed.values()))

    @property
    def cell(self) -> CellIdentity:
        """Of any of its records."""
        return self.any.cell

    @cached_property
    def done(self) -> dict[int, Record]:
        """The successful ones."""
        return {seed: record for seed, record in self.by_seed.items() if record.ok}

    @cached_property
    def failed(self) -> dict[int, Record]:
        return {seed: record for seed, record in self.by_seed.items() if not record.ok}


@dataclass(frozen=True)
class MatchedRow:
    """A row and what each side has of it."""

    name: RowName
    base: Runs | None
    head: Runs | None
    reasons: tuple[str, ...] = ()
    """Why the two sides are not comparable."""
    unannounced: tuple[str, ...] = ()
    """What changed of the task and the protocol though no version says so."""
    in_one_go: bool = False
    """Whether both sides ran here and now, in one environment."""

    @property
    def is_comparable(self) -> bool:
        """Whether both sides have it, and nothing is against comparing them."""
        return self.base is not None and self.head is not None and not self.reasons and not self.unannounced

    @cached_property
    def pairs(self) -> dict[int, tuple[Record, Record]]:
        """The runs that succeeded on both sides, by seed."""
        return {seed: (run, self.head.done[seed]) for seed, run in self.base.done.items() if seed in self.head.done}

    @property
    def pairs_to_the_bit(self) -> Pairs:
        """Those of the pairs whose bits must be alike if the code computes the same."""
        return pairs_without(self.pairs, lambda *both: not_to_the_bit(*both, self.in_one_go))

    @property
    def pairs_counted(self) -> Pairs:
        """Those of the pairs whose counts must be alike if the code does the same."""
        return pairs_without(self.pairs, lambda *both: "" if self.in_one_go else other_versions(*both))

    @property
    def same_seeds(self) -> bool:
        """Whether both sides succeeded at the same seeds."""
        return self.base.done.keys() == self.head.done.keys()

    @property
    def announced(self) -> str:
        """The raised version of the method; empty if it was not raised."""
        one, other = self.base.cell.method, self.head.cell.method
        return f"{one.name} v{one.version} → v{other.version}" if other.version > one.version else ""


def matched(base: Iterable[Record], head: Iterable[Record], in_one_go: bool = False) -> list[MatchedRow]:
    """All rows of both sides, by name.

    A row that head ran on other machines alone has moved: it is held against all its runs there. in_one_go: see
    `bench.compare.comparison.Made`; a place is then but another name for this machine, or for another arithmetic that
    nobody asked for.
    """
    ours, theirs = runs_of(base), runs_of(head)
    rows, arrived = [], set()
    for name, runs in ours.items():
        if name in theirs:
            both = runs.any, theirs[name].any
            why, changes = reasons(*both, in_one_go), unannounced(*both)
            rows.append(MatchedRow(name, runs, theirs[name], tuple(why), tuple(changes), in_one_go))
        elif places := _moved_to(name, ours, theirs):
            why = [f"base ran {_place(name)}, head {', '.join(sorted(map(_place, places)))}"]
            changes = [each for place in places for each in unannounced(runs.any, theirs[place].any)]
            held = _together([theirs[place] for place in places])
            if in_one_go:
                changes += why if any(place.arithmetic != name.arithmetic for place in places) else []
                why = reasons(runs.any, held.any, in_one_go)
            rows.append(MatchedRow(name, runs, held, tuple(why), tuple(dict.fromkeys(changes)), in_one_go))
            arrived |= set(places)
        else:
            rows.append(MatchedRow(name, runs, None))
    rows += [MatchedRow(name, None, theirs[name]) for name in theirs.keys() - ours.keys() - arrived]
    return sorted(rows, key=lambda row: row.name)


def runs_of(records: Iterable[Record]) -> dict[RowName, Runs]:
    """The rows of one side.

    Of several versions of a row's task, protocol or method, the newest counts; of several contents of one version, the
    one that was started last. Of several runs of a cell, a success, and then the one that was started last.
    """
    contents: dict[RowName, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        contents[row_name(record)][_content(record.cell)].append(record)
    return {name: _runs(name, max(found.items(), key=_age)[1]) for name, found in contents.items()}


def row_name(record: Record) -> RowName:
    """The row that a record belongs to."""
    cell = record.cell
    return RowName(
        task=cell.task.name,
        pair=str(cell.pair),
        protocol=cell.protocol["name"] + at_share(cell.budget),
        method=cell.method.name + in_brackets(cell.method.parameters, sorted(record.tuned)),
        arithmetic=cell.arithmetic,
        machine=record.machine,
    )


def _runs(name: RowName, records: list[Record]) -> Runs:
    by_seed: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        by_seed[record.cell.seed].append(record)
    return Runs(name, {seed: _first(by_seed[seed]) for seed in sorted(by_seed)})


def _first(records: list[Record]) -> Record:
    if len(records) == 1:
        return records[0]
    return max(records, key=lambda record: (record.ok, record.provenance.started, record.to_json()))


def _content(cell: CellIdentity) -> str:
    """All that a cell's key is made of but the seed."""
    return canonical({**cell.content, "seed": None})


def _age(found: tuple[str, list[Record]]) -> tuple[int, int, int, str, str]:
    """The larger, the newer."""
    content, records = found
    cell = records[0].cell
    started = max(record.provenance.started for record in records)
    return cell.task.version, cell.protocol["version"], cell.method.version, started, content


def _moved_to(name: RowName, ours: Container[RowName], theirs: Iterable[RowName]) -> list[RowName]:
    """Head's rows, new there, that are a row of base on other machines; none if head still ran it on the same one."""
    places = [each for each in theirs if _apart_from_place(each) == _apart_from_place(name)]
    if any(each.machine == name.machine for each in places):
        return []
    return sorted(each for each in places if each not in ours)


def _together(places: Sequence[Runs]) -> Runs:
    """A row's runs in all its places. Of several of a seed, one that failed counts: it must not be hidden."""
    by_seed: dict[int, Record] = {}
    for record in (each for runs in places for each in runs.by_seed.values()):
        seed = record.cell.seed
        if seed not in by_seed or by_seed[seed].ok:
            by_seed[seed] = record
    return Runs(places[0].name, dict(sorted(by_seed.items())))


def _apart_from_place(name: RowName) -> tuple[str, str, str, str]:
    return name.task, name.pair, name.protocol, name.method


def _place(name: RowName) -> str:
    return f"in {name.arithmetic} on {name.machine}"
