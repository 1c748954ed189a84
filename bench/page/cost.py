"""The columns of what rows cost on one machine, and of the networks there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median as middle

from bench.board.cost import peak_memory, ranked
from bench.board.entries import Entry
from bench.board.group import Group, Row
from bench.board.markdown import count, duration, megabytes, quantity, ratio, seconds, to_match
from bench.board.match import Median, match, median
from bench.board.statistics import summarise
from bench.board.target import Target
from bench.page.columns import NOTHING, Column, Figure
from bench.record import Cost, Inference


@dataclass(frozen=True)
class Runs:
    """A row on one machine. Times of different hardware never stand together."""

    row: Row
    machine: str
    entries: tuple[Entry, ...]

    @property
    def costs(self) -> list[Cost]:
        return [entry.record.cost for entry in self.entries]


@dataclass(frozen=True)
class Network:
    """A network at inference, as the runs of one machine measured it."""

    name: str
    parameters: int | None
    measured: Sequence[Inference]


def cost_columns(group: Group, machine: str, target: Target | str) -> list[Column[Runs]]:
    """Time, work, memory, parameters and time to match."""
    return [
        Column(
            "seconds",
            "training time",
            "Seconds on the training clock; evaluation, warm-up and the teacher's own training are not on it.",
            "seconds",
            lambda runs: _time(runs.costs),
        ),
        Column(
            "flops",
            "training FLOPs",
            "Floating-point operations of the training, the teacher's forward passes included; median over seeds.",
            "FLOPs",
            lambda runs: _figure(quantity, middle(cost.train_flops for cost in runs.costs)),
        ),
        Column(
            "memory",
            "peak memory",
            "What the run added to the GPU's allocations, or on a CPU to the resident set: median (range) over seeds.",
            "bytes",
            lambda runs: _memory(runs.costs),
        ),
        Column(
            "parameters",
            "parameters",
            "Of the student, + trainable beside it: adapters, peers, a teacher that learns.",
            "",
            lambda runs: _parameters(runs.costs),
        ),
        *(_matching(group, machine, target) if isinstance(target, Target) else []),
    ]


def network_columns() -> list[Column[Network]]:
    """What a network costs when it is used; medians over the runs."""
    return [
        Column(
            "parameters",
            "parameters",
            "Numbers that the network holds.",
            "",
            lambda each: _figure(count, each.parameters),
        ),
        Column(
            "flops",
            "FLOPs an example",
            "Floating-point operations of one example's forward pass.",
            "FLOPs",
            lambda each: _figure(quantity, middle(one.flops for one in each.measured)),
        ),
        Column(
            "latency",
            "latency",
            "Of one example alone.",
            "seconds",
            lambda each: _latency(middle(one.latency_seconds for one in each.measured)),
        ),
        Column(
            "throughput",
            "examples a second",
            "In large batches.",
            "examples a second",
            lambda each: _figure(quantity, middle(one.examples_per_second for one in each.measured)),
        ),
    ]


def _matching(group: Group, machine: str, target: Target) -> list[Column[Runs]]:
    def reached(runs: Runs, unit: str) -> Median | None:
        """Over every run on the machine; one that diverged never matches."""
        found = [match(entry.evaluations, target.value) for entry in runs.entries]
        return median([*found, *[None] * runs.row.diverged(machine)], unit)

    def column(id: str, title: str, explanation: str, unit: str) -> Column[Runs]:
        return Column(id, title, explanation, unit, lambda runs: _reached(reached(runs, unit.lower()), unit.lower()))

    own = reached(Runs(target.row, machine, target.row.on(machine)), "seconds")
    name = group.cell.protocol["target"]
    unranked = "" if ranked(group) else " (not ranked)"
    return [
        column(
            "match-seconds",
            f"time to match{unranked}",
            "Seconds until the mean of the last evaluations on select reaches τ (runs that reach it/runs): "
            "the median over seeds, ∞ taking part.",
            "seconds",
        ),
        Column(
            "match-ratio",
            f"× {name}",
            f"The time to match as a multiple of {name}'s own.",
            "",
            lambda runs: _ratio(reached(runs, "seconds"), own),
        ),
        column("match-steps", "steps to match", "The same in training steps.", "steps"),
        column("match-flops", "FLOPs to match", "The same in floating-point operations.", "FLOPs"),
    ]


def _figure(written: Callable[[float | None], str], value: float | None) -> Figure:
    return Figure(written(value), value)


def _time(costs: Sequence[Cost]) -> Figure:
    summary = summarise([cost.train_seconds for cost in costs])
    return NOTHING if summary is None else Figure(duration(summary), summary.mean)


def _memory(costs: Sequence[Cost]) -> Figure:
    peaks = [peak for cost in costs if (peak := peak_memory(cost)) is not None]
    if not peaks:
        return NOTHING
    low, high = (megabytes(each).removesuffix(" MiB") for each in (min(peaks), max(peaks)))
    return Figure(megabytes(middle(peaks)) + (f" ({low}–{high})" if low != high else ""), middle(peaks))


def _parameters(costs: Sequence[Cost]) -> Figure:
    own, extra = costs[0].parameters, max(cost.extra_parameters for cost in costs)
    return Figure(count(own) + (f" + {count(extra)}" if extra else ""), own + extra)


def _reached(found: Median | None, unit: str) -> Figure:
    return NOTHING if found is None else Figure(to_match(found, unit), found.value)


def _ratio(found: Median | None, own: Median | None) -> Figure:
    text = ratio(found, own)
    known = text != NOTHING.text
    return Figure(text, found.value / own.value) if known else NOTHING


def _latency(value: float) -> Figure:
    return Figure(seconds(value) if value >= 1 else f"{1000 * value:.3g} ms", value)
