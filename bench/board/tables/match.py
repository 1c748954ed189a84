"""Time to match the target on one machine: in seconds, steps and FLOPs, as a multiple of the target method's own."""

from __future__ import annotations

from bench.board.analysis import Analysis
from bench.board.figures import points, ratio, to_match
from bench.board.group import Row
from bench.board.match import Median, match_best, median
from bench.board.statistics import summarise, upper_median
from bench.board.table import NONE, Column, Figure, Line, Table
from bench.board.target import Target


def matching(analysis: Analysis, machine: str) -> Table | None:
    """Every method with runs on the machine; None without a target."""
    target, name = analysis.target, analysis.target_method
    if not isinstance(target, Target):
        return None
    control, control_target = analysis.control_target or (None, None)
    unranked = "" if analysis.ranked else " (not ranked)"
    columns = [
        Column(
            f"time to match {name}{unranked}",
            "training seconds until m on select, the mean of the last evaluations, reaches τ: median over runs, "
            "∞ taking part (runs that reach it/runs)",
        ),
        Column(f"× {name}", f"as a multiple of what {name} itself takes"),
        Column("steps", "optimiser steps until then"),
        Column("FLOPs", "training FLOPs until then"),
        Column(
            "match best",
            f"secondary: seconds until a single evaluation reaches the median of {name}'s best ones, as MetaDistil's "
            "paper counts",
        ),
        Column(
            f"m at {name}'s seconds",
            f"m on select after as many training seconds as {name}'s median run takes; no "
            "mean where some run has no m by then",
        ),
    ]
    if isinstance(control_target, Target):
        columns += [
            Column(f"time to match {control}", f"the same against the target that {control}'s runs set"),
            Column(f"× {control}", f"as a multiple of what {control} itself takes"),
        ]
    seconds = _whole_seconds(target.row, machine)
    lines = []
    for row in analysis.ordered:
        if not row.on(machine) and not row.diverged(machine):
            continue
        reached = {unit: analysis.time_to_match(row, machine, target, unit) for unit in ("seconds", "steps", "flops")}
        figures = [
            to_match(reached["seconds"], "seconds"),
            ratio(reached["seconds"], analysis.time_to_match(target.row, machine, target)),
            to_match(reached["steps"], "steps"),
            to_match(reached["flops"], "flops"),
            to_match(_best(row, machine, target), "seconds"),
            at_seconds(row, machine, seconds),
        ]
        if isinstance(control_target, Target):
            figures += _against(analysis, row, machine, control_target)
        lines.append(Line(row, tuple(figures), len(row.on(machine))))
    return Table("match", "Time to match", tuple(columns), tuple(lines), machine=machine)


def at_seconds(row: Row, machine: str, seconds: float | None) -> Figure:
    """m on select that a row's runs have reached by so many training seconds; a shorter run stays at its end.

    Without a mean where some run has no m by then: the others would be the fast ones.
    """
    if seconds is None or not row.on(machine):
        return NONE
    values = [run.evaluations.smooth_at(seconds) for run in row.on(machine)]
    known = [value for value in values if value is not None]
    return points(summarise(known)) if len(known) == len(values) else Figure(f"– ({len(known)}/{len(values)})")


def brackets(analysis: Analysis, row: Row, machine: str, target: Target) -> str:
    """Between which evaluations each run crossed τ, in seconds: after the one before, not later than this one."""
    found = analysis.matches(row, machine, target)[: len(row.on(machine))]
    return ", ".join("∞" if each is None else f"{each.seconds_before:.3g}–{each.seconds:.3g} s" for each in found)


def _best(row: Row, machine: str, target: Target) -> Median:
    reached = [match_best(run.evaluations, target) for run in row.on(machine)]
    return median(reached + [None] * row.diverged(machine), "seconds")


def _against(analysis: Analysis, row: Row, machine: str, target: Target) -> tuple[Figure, Figure]:
    own = analysis.time_to_match(row, machine, target)
    if own is None:
        return NONE, NONE
    return to_match(own, "seconds"), ratio(own, analysis.time_to_match(target.row, machine, target))


def _whole_seconds(row: Row, machine: str) -> float | None:
    """The median training time of a row's runs on a machine."""
    times = [run.record.cost.train_seconds for run in row.on(machine)]
    return upper_median(times) if times else None
