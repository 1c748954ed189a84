"""Whether a row still reaches base's target τ: hits on both sides, and the median time to match."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.board.entries import Entry
from bench.board.evaluations import Evaluations
from bench.board.group import Group, groups
from bench.board.match import Match, match, median
from bench.board.statistics import SIGNIFICANT, fisher, holm
from bench.board.target import Target, target_of
from bench.compare.behaviour import identical
from bench.compare.comparable import not_to_the_bit
from bench.compare.finding import Figure, Finding, RowName, Verdict
from bench.compare.looks import next_look
from bench.compare.rows import MatchedRow, Runs, row_name
from bench.record import Record

TEST = "one-sided Fisher exact test of the hits"
SURE = 5
"""Seeds on each side that leave no doubt where every one turned."""


@dataclass(frozen=True)
class Reached:
    """A row held against base's target: seed → the match, None where there was none."""

    row: MatchedRow
    target: Target
    base: dict[int, Match | None]
    head: dict[int, Match | None]

    @property
    def seconds(self) -> tuple[float, float]:
        """The median time to match on both sides; infinite where it is a miss."""
        return tuple(median(list(side.values()), "seconds").value for side in (self.base, self.head))

    @property
    def turned(self) -> str:
        """Why no test is needed where all runs of base were hits, or misses, and all of head are the other; or empty.

        That is where the same seeds would repeat their bits, and where there are at least 5 seeds on each side,
        whatever Holm says of few seeds in many rows: of 22 unchanged rows, each a hit at rate h, at most
        22·h⁵(1−h)⁵ ≤ 2.1% of boards have one that turned from hits to misses by chance, beside the 5% of the test.
        """
        hits, now = ({found is not None for found in side.values()} for side in (self.base, self.head))
        if len(hits) != 1 or len(now) != 1 or hits == now:
            return ""
        same = self.base.keys() == self.head.keys() and self.row.same_seeds
        if same and all(not not_to_the_bit(*both) for both in self.row.pairs.values()):
            return "every seed, which repeats its bits, turned"
        return "every seed turned" if min(len(self.base), len(self.head)) >= SURE else ""


def targets(rows: Sequence[MatchedRow]) -> list[Finding]:
    """One finding a comparable row; none of those that are equal to the bit and that base has no target for.

    The target's own row need not be in head.
    """
    ours, theirs = _groups(row.base for row in rows if row.base), _groups(row.head for row in rows if row.head)
    found, reached = [], []
    for row in filter(lambda each: each.is_comparable, rows):
        target = _target(ours.get(row.name, []))
        if not isinstance(target, Target):
            if not (row.pairs and identical(row)):
                found.append(Finding(row.name, Figure.TARGET, Verdict.NOT_COMPARABLE, target))
            continue
        if why := _other_configuration(target, theirs.get(row.name, [])):
            found.append(Finding(row.name, Figure.TARGET, Verdict.NOT_COMPARABLE, why))
            continue
        base, head = _matches(row.base, target), _matches(row.head, target)
        if base and head:
            reached.append(Reached(row, target, base, head))
        else:
            seen = f"no run succeeded in {'head' if base else 'base'}"
            found.append(Finding(row.name, Figure.TARGET, Verdict.NOT_COMPARABLE, seen))
    return found + _judged(reached)


def _judged(rows: Sequence[Reached]) -> list[Finding]:
    """The tests are adjusted after Holm over the rows whose bits are not all the same."""
    tested = {each.row.name: each for each in rows if not identical(each.row)}
    lost = holm({name: fisher(*_hits(each.base), *_hits(each.head)) for name, each in tested.items()})
    regained = holm({name: fisher(*_hits(each.head), *_hits(each.base)) for name, each in tested.items()})
    return [_finding(each, lost.get(each.row.name), regained.get(each.row.name)) for each in rows]


def _finding(reached: Reached, lost: float | None, regained: float | None) -> Finding:
    """lost, regained: the adjusted p; None for a row whose bits are all the same."""
    was, now = reached.seconds
    (hits, of), (hits_now, of_now) = _hits(reached.base), _hits(reached.head)
    seen = f"τ {reached.target.value:.2f}: {_shown(was)} ({hits}/{of}) → {_shown(now)} ({hits_now}/{of_now})"
    name = reached.row.name
    if lost is None:
        return Finding(name, Figure.TARGET, Verdict.SAME, seen, "equal to the bit")
    is_lost, is_regained = was < math.inf == now, now < math.inf == was
    p = regained if is_regained else lost
    if (is_lost or is_regained) and (p < SIGNIFICANT or reached.turned):
        verdict = Verdict.WORSE if is_lost else Verdict.BETTER
        test = TEST if p < SIGNIFICANT else reached.turned
        return Finding(name, Figure.TARGET, verdict, seen, test, p if p < SIGNIFICANT else None)
    if not is_lost:
        return Finding(name, Figure.TARGET, Verdict.SAME, seen, TEST, p)
    more = next_look(min(of, of_now))
    seen = f"{seen}, which may be chance"
    return Finding(name, Figure.TARGET, Verdict.SAME, seen, TEST, p, more_seeds=more, undecided=not more)


def _groups(sides: Iterable[Runs]) -> dict[RowName, list[Group]]:
    """The board's groups that a row is in: a row without a teacher is in those of all teachers of its machine."""
    entries = [_entry(record) for runs in sides for record in runs.by_seed.values()]
    found: dict[RowName, list[Group]] = {}
    for group in groups(entries):
        names = {row_name(entry.record) for entry in group.any_entries if entry.record.machine in group.timed}
        for name in names:
            found.setdefault(name, []).append(group)
    return found


def _entry(record: Record) -> Entry:
    evaluations = Evaluations.of(record.curve, record.cell.protocol["window"]) if record.curve else None
    return Entry(f"{record.machine}/{record.key}", record, evaluations)


def _target(held: Sequence[Group]) -> Target | str:
    """The first target of base's groups of a row, or why they have none."""
    found = [target_of(group, group.cell.protocol["target"]) for group in held]
    whys = dict.fromkeys(each for each in found if isinstance(each, str))
    # A machine is in no group if nothing under a teacher succeeded there.
    why = "; ".join(whys) or "no run with a teacher succeeded on this machine"
    return next((each for each in found if isinstance(each, Target)), f"no target in base: {why}")


def _other_configuration(target: Target, held: Sequence[Group]) -> str:
    """Why head's target is another one than base's, whatever its value; `held` are head's groups of the row."""
    teacher = target.made_of["teacher"]
    taught = [group for group in held if group.teacher]
    same = [group for group in taught if group.teacher.sha256 == teacher]
    if teacher and taught and not same:
        return f"the target's teacher has other weights: sha256 {teacher[:12]} → {taught[0].teacher.sha256[:12]}"
    method = target.made_of["method"]
    for group in same or held:
        row = group.row_of(method["name"])
        if row and row.version != method["version"]:
            return f"the target's method {method['name']} v{method['version']} → v{row.version}"
        if row and json.loads(row.parameters) != method["parameters"]:
            return f"the target's method {method['name']} has other parameters"
    return ""


def _matches(runs: Runs, target: Target) -> dict[int, Match | None]:
    """Of every run; one that diverged never matches, and another failure says nothing."""
    return {
        seed: match(_entry(record).evaluations, target) if record.ok else None
        for seed, record in runs.by_seed.items()
        if record.ok or record.status == "nan"
    }


def _hits(side: dict[int, Match | None]) -> tuple[int, int]:
    return sum(found is not None for found in side.values()), len(side)


def _shown(seconds: float) -> str:
    return "∞" if seconds == math.inf else f"{seconds:.4g} s"
