"""The ladder of budgets: the smallest share of the budget at which a method is not inferior to the target method.

The protocol, Time-to-match: not inferior where the lower 95% bound (one-sided) of the seed-paired final difference to
the target method at its whole budget is above −δ. One walks down from the whole budget and stops at the first failure.
"""

from __future__ import annotations

from bench.board.analysis import Analysis
from bench.board.figures import decimal
from bench.board.group import SEEDS_FOR_ORDER, Group, Row
from bench.board.statistics import EQUAL, lower_bound, summarise
from bench.board.table import NONE, Column, Figure, Line, Table
from bench.board.tables.accuracy import failed


def ladder(analysis: Analysis) -> Table | None:
    """Every method that was run at a smaller budget; None if none was, or the target method has no runs."""
    reference = analysis.group.row_of(analysis.target_method)
    if not analysis.rungs or reference is None:
        return None
    groups = {**analysis.rungs, 1.0: analysis.group}
    shares = sorted(groups)
    margin, name = analysis.group.cell.protocol["target_margin"], analysis.target_method
    columns = (
        Column(
            f"{shares[0]:g} of the budget",
            f"final test difference to {name} at its whole budget, paired by seed, and its one-sided lower 95% bound "
            f"(seeds); bold: not inferior, the bound is above −{margin:g}; on the machine of the smaller budgets, "
            f"where {name} ran there too",
        ),
        *(Column(f"{share:g} of the budget") for share in shares[1:]),
        Column("enough", f"the smallest share down to which the method is not inferior, from {SEEDS_FOR_ORDER} seeds"),
    )
    lines = []
    for row in all_rows(analysis):
        rungs = {share: same_row(row, group) for share, group in groups.items()}
        if all(rungs[share] is None for share in analysis.rungs):
            continue
        rungs, against = _on_one_machine(rungs, reference)
        bounds = {share: _bound(rung, against) for share, rung in rungs.items()}
        enough = smallest(bounds, margin)
        figures = (
            *(_figure(rungs[share], against, margin) for share in shares),
            NONE if enough is None else Figure(f"{enough:g}", enough),
        )
        lines.append(Line(row, figures))
    return Table("ladder", "Ladder of budgets", columns, tuple(lines)) if lines else None


def _on_one_machine(rungs: dict[float, Row | None], reference: Row) -> tuple[dict[float, Row | None], Row]:
    """The rungs and the reference as of the first machine by name that has smaller budgets and the reference."""
    machines = {entry.record.machine for share, rung in rungs.items() if rung and share < 1 for entry in rung.entries}
    machine = next((each for each in sorted(machines) if reference.on(each)), None)
    if machine is None:
        return rungs, reference
    there = {share: rung.at(machine) if rung and rung.on(machine) else rung for share, rung in rungs.items()}
    return there, reference.at(machine)


def all_rows(analysis: Analysis) -> list[Row]:
    """Those of the whole budget; below them, by name, those that were run at smaller ones only."""
    known = {row.identity for row in analysis.ordered}
    others = {row.identity: row for group in analysis.rungs.values() for row in group.rows}
    return [*analysis.ordered, *(others[each] for each in sorted(others) if each not in known)]


def same_row(row: Row, group: Group) -> Row | None:
    """The row of the same method with the same parameters in another group."""
    return next((each for each in group.rows if each.identity == row.identity), None)


def smallest(bounds: dict[float, float | None], margin: float) -> float | None:
    """The last share before the first failure, from the whole budget down; None if that one fails. None: not run."""
    enough = None
    for share in sorted(bounds, reverse=True):
        if not not_inferior(bounds[share], margin):
            break
        enough = share
    return enough


def not_inferior(bound: float | None, margin: float) -> bool:
    """Whether a lower bound is above −δ. One that is at it is not, whatever the round-off."""
    return bound is not None and bound > EQUAL - margin


def _bound(rung: Row | None, reference: Row) -> float | None:
    """Of the difference; None with too few seeds, or where a run failed: its seed would be missing from the mean."""
    if rung is None or rung.failures:
        return None
    differences = rung.minus(reference)
    return lower_bound(differences) if len(differences) >= SEEDS_FOR_ORDER else None


def _figure(rung: Row | None, reference: Row, margin: float) -> Figure:
    differences = [] if rung is None else rung.minus(reference)
    whole, bound = summarise(differences), lower_bound(differences)
    lost = failed(rung) if rung else ""
    if whole is None:
        return Figure(lost) if lost else NONE
    sure = not_inferior(_bound(rung, reference), margin)
    said = "" if bound is None else f", bound {decimal(bound, signed=True)}"
    text = f"{decimal(whole.mean, signed=True)}{said} ({whole.n}){lost and f', {lost}'}"
    return Figure(text, whole.mean, sure)
