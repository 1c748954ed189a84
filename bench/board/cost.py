"""What the rows of a group cost on one machine: time, memory, parameters, time to match; and its networks."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median as middle

from bench.board.accuracy import name, ordered
from bench.board.entries import Entry
from bench.board.group import Group, Row
from bench.board.markdown import (
    UNKNOWN,
    count,
    duration,
    escape,
    megabytes,
    quantity,
    ratio,
    seconds,
    table,
    to_match,
)
from bench.board.match import Match, match, median
from bench.board.statistics import summarise
from bench.board.target import Target
from bench.record import Cost, Inference

RANKED_ITEMS = 1000
"""With fewer `select` items, time to match is shown but not ranked (the protocol, Time-to-match)."""


def cost_table(group: Group, machine: str, target: Target | str) -> str:
    """One row a method. Only runs of this machine: times of different hardware never stand together."""
    reference = None
    if isinstance(target, Target):
        reference = median(_matches(target.row, machine, target), "seconds")
    unranked = " (not ranked)" if not ranked(group) else ""
    head = [
        "Method",
        "training time",
        "training FLOPs",
        "peak memory",
        "parameters",
        f"time to match{unranked}",
        f"× {escape(group.cell.protocol['target'])}",
        "steps to match",
        "FLOPs to match",
    ]
    rows = []
    for row in ordered(group):
        runs = row.on(machine)
        if not runs:
            continue
        matching = [UNKNOWN] * 4
        if isinstance(target, Target):
            matches = _matches(row, machine, target)
            time, steps, flops = (median(matches, unit) for unit in ("seconds", "steps", "flops"))
            matching = [
                to_match(time, "seconds"),
                ratio(time, reference),
                to_match(steps, "steps"),
                to_match(flops, "flops"),
            ]
        rows.append([name(row, len(runs)), *_costs(runs), *matching])
    return table(head, rows)


def network_table(group: Group, machine: str) -> str:
    """Student and teacher at inference, medians over the group's runs on this machine."""
    costs = [entry.record.cost for entry in group.entries if entry.record.machine == machine]
    teacher = [cost.teacher for cost in costs if cost.teacher]
    pair = group.cell.pair
    rows = [
        _network(f"student: {pair.student}", costs[0].parameters, [cost.student for cost in costs]),
        *([_network(f"teacher: {pair.teacher}", _teacher_size(group), teacher)] if teacher else []),
    ]
    return table(["Network", "parameters", "FLOPs an example", "latency", "examples a second"], rows)


def ranked(group: Group) -> bool:
    """Whether `select` is large enough for an order of times to match."""
    items = [entry.record.select_items for entry in group.entries]
    return all(each is None or each >= RANKED_ITEMS for each in items)


def peak_memory(cost: Cost) -> int | None:
    """Bytes that the cell added to what was allocated on the GPU, or resident on the CPU; None if unknown."""
    if cost.peak_device_allocated_bytes is not None:
        return cost.peak_device_allocated_bytes - (cost.device_before_bytes or 0)
    if cost.peak_resident_bytes is None or cost.resident_before_bytes is None:
        return None
    return cost.peak_resident_bytes - cost.resident_before_bytes


def _matches(row: Row, machine: str, target: Target) -> list[Match | None]:
    """Of every run on the machine; one that diverged never matches."""
    return [match(run.evaluations, target.value) for run in row.on(machine)] + [None] * row.diverged(machine)


def _costs(runs: Iterable[Entry]) -> list[str]:
    costs = [run.record.cost for run in runs]
    extra = max(cost.extra_parameters for cost in costs)
    peaks = [peak for cost in costs if (peak := peak_memory(cost)) is not None]
    return [
        duration(summarise([cost.train_seconds for cost in costs])),
        quantity(middle(cost.train_flops for cost in costs)),
        _spread(peaks),
        count(costs[0].parameters) + (f" + {count(extra)}" if extra else ""),
    ]


def _spread(peaks: list[int]) -> str:
    """The median, and the range where there is one: a process's memory differs from run to run."""
    if not peaks:
        return UNKNOWN
    low, high = (megabytes(each).removesuffix(" MiB") for each in (min(peaks), max(peaks)))
    return megabytes(middle(peaks)) + (f" ({low}–{high})" if low != high else "")


def _network(label: str, parameters: int | None, measured: list[Inference]) -> list[str]:
    latency = middle(each.latency_seconds for each in measured)
    return [
        escape(label),
        count(parameters),
        quantity(middle(each.flops for each in measured)),
        seconds(latency) if latency >= 1 else f"{1000 * latency:.3g} ms",
        quantity(middle(each.examples_per_second for each in measured)),
    ]


def _teacher_size(group: Group) -> int | None:
    return group.teacher.parameters if group.teacher else None
