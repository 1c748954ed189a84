"""The protocol's arithmetic as plain loops, written from its text alone: nothing of `bench.board` is in here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import scipy.stats

from bench.record import Record

DELTA = 0.3
WINDOW = 3
SEEDS = 5
ROUND_OFF = 1e-9
Runs = list[Record]


# --- which runs may stand together ---


def groups(records: Iterable[Record]) -> list[Runs]:
    """Runs of one task, pair, protocol, arithmetic and budget under one teacher; those without one under each."""
    together: dict[str, Runs] = {}
    for run in records:
        cell = run.cell
        place = [cell.task.name, cell.task.version, str(cell.pair), cell.protocol, cell.precision, cell.compiled]
        together.setdefault(json.dumps([*place, cell.pretrained, cell.budget], sort_keys=True), []).append(run)
    found = []
    for runs in together.values():
        taught = [run for run in runs if run.teacher]
        for teacher in sorted({run.teacher.sha256 for run in taught}) or [None]:
            # A failure knows the key of its teacher alone; trained on two machines, one key has two sets of weights.
            others = {run.teacher.key for run in taught} - {
                run.teacher.key for run in taught if run.teacher.sha256 == teacher
            }
            found.append(
                [
                    run
                    for run in runs
                    if (run.teacher.sha256 == teacher if run.teacher else run.cell.teacher not in others)
                ]
            )
    return found


def rows(runs: Runs) -> dict[tuple[str, int, str], Runs]:
    """One row a method with its version and its hyperparameters, failures included."""
    found: dict[tuple[str, int, str], Runs] = {}
    for run in runs:
        use = run.cell.method
        found.setdefault((use.name, use.version, json.dumps(use.parameters, sort_keys=True)), []).append(run)
    return found


def done(runs: Runs, machine: str | None = None) -> Runs:
    """The successful runs in the order of their seeds, on one machine or on any."""
    chosen = [run for run in runs if run.status == "ok" and machine in (None, run.machine)]
    return sorted(chosen, key=lambda run: (run.cell.seed, run.machine))


def by_seed(runs: Runs) -> dict[int, Record]:
    """Every seed once, although several machines may have run it."""
    found: dict[int, Record] = {}
    for run in done(runs):
        found.setdefault(run.cell.seed, run)
    return found


def standing_for(runs: Runs, method: str) -> Runs:
    """The row of a method with its published defaults."""
    found = [row for (name, _, _), row in rows(runs).items() if name == method and not row[0].tuned and done(row)]
    return found[0] if found else []


def scores(runs: Runs) -> dict[int, float]:
    """Seed → the metric on test at the last epoch."""
    return {seed: run.result.test[run.metric] for seed, run in by_seed(runs).items()}


# --- medians ---


def lower_median(values: list[float]) -> float:
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else ordered[half - 1]


def upper_median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


# --- time to match ---


def singles(run: Record) -> list[float | None]:
    """The evaluations on `select`; None where one does not count."""
    return [value if counts else None for value, counts in zip(run.curve.select, run.curve.counts, strict=True)]


def smoothed(run: Record) -> list[float | None]:
    """m(e) = mean of the last 3 evaluations up to e."""
    so_far: list[float] = []
    found: list[float | None] = []
    for value in singles(run):
        if value is not None:
            so_far.append(value)
        enough = value is not None and len(so_far) >= WINDOW
        found.append(sum(so_far[-WINDOW:]) / WINDOW if enough else None)
    return found


def at_the_end(run: Record) -> float | None:
    """m at the end of training."""
    known = [value for value in smoothed(run) if value is not None]
    return known[-1] if known else None


def target(row: Runs) -> float | None:
    """τ; None below 5 seeds or without `select`."""
    ends = [at_the_end(run) for run in by_seed(row).values()]
    known = [end for end in ends if end is not None]
    return lower_median(known) - DELTA if len(known) >= SEEDS else None


def best_target(row: Runs) -> float:
    """The median of the best single evaluations."""
    best = []
    for run in by_seed(row).values():
        known = [value for value in singles(run) if value is not None]
        if at_the_end(run) is not None:
            best.append(max(known))
    return lower_median(best)


def first_at(values: list[float | None], level: float) -> int | None:
    for number, value in enumerate(values):
        if value is not None and value >= level - ROUND_OFF:
            return number
    return None


def to_match(row: Runs, machine: str, level: float, unit: str, values=smoothed) -> tuple[float, int, int] | None:
    """(median with ∞, hits, n) over a row's seeds on a machine; a run that diverged has missed."""
    found: list[float] = []
    for run in done(row, machine):
        number = first_at(values(run), level)
        found.append(math.inf if number is None else float(getattr(run.curve, unit)[number]))
    found += [math.inf for run in row if run.status == "nan" and run.machine == machine]
    hits = 0
    for value in found:
        hits += value < math.inf
    return (upper_median(found), hits, len(found)) if found else None


# --- statistics ---


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def deviation(values: list[float]) -> float:
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def half_width(values: list[float]) -> float:
    """Of the 95% interval of the mean."""
    return scipy.stats.t.ppf(0.975, len(values) - 1) * deviation(values) / math.sqrt(len(values))


def differences(row: Runs, control: Runs) -> list[float]:
    """Seed by seed, over the seeds that both have; on one machine, where one has both."""
    found = []
    for seed in sorted(scores(row)):
        ours = {run.machine: run.result.test[run.metric] for run in row if run.ok and run.cell.seed == seed}
        theirs = {run.machine: run.result.test[run.metric] for run in control if run.ok and run.cell.seed == seed}
        both = sorted(machine for machine in ours if machine in theirs)
        if both:
            found.append(ours[both[0]] - theirs[both[0]])
        elif theirs:
            found.append(ours[min(ours)] - theirs[min(theirs)])
    return found


def paired_p(gaps: list[float]) -> float:
    if deviation(gaps) < ROUND_OFF:
        return 1.0 if abs(mean(gaps)) < ROUND_OFF else 0.0
    t = mean(gaps) / deviation(gaps) * math.sqrt(len(gaps))
    return 2 * scipy.stats.t.sf(abs(t), len(gaps) - 1)


def lower_bound(gaps: list[float]) -> float:
    """One-sided, 95%."""
    return mean(gaps) - scipy.stats.t.ppf(0.95, len(gaps) - 1) * deviation(gaps) / math.sqrt(len(gaps))


def holm(tests: dict) -> dict:
    """The k-th smallest of m: the largest of (m − j + 1) · p_j over j ≤ k, at most 1."""
    ordered = sorted(tests, key=lambda key: tests[key])
    adjusted = {}
    for k, key in enumerate(ordered):
        worst = 0.0
        for j in range(k + 1):
            worst = max(worst, (len(ordered) - j) * tests[ordered[j]])
        adjusted[key] = min(1.0, worst)
    return adjusted


def adjusted(runs: Runs) -> dict[tuple, float]:
    """The p of every two rows with 5 seeds in common, Holm over all of them; each pair in both orders."""
    found, tests = rows(runs), {}
    keys = sorted(found)
    for number, one in enumerate(keys):
        for other in keys[number + 1 :]:
            gaps = differences(found[one], found[other])
            if len(gaps) >= SEEDS:
                tests[one, other] = paired_p(gaps)
    after = holm(tests)
    return after | {(other, one): p for (one, other), p in after.items()}


def rank(key: tuple, runs: Runs) -> int | None:
    """1 + the number of methods that are significantly better; None with fewer than 5 seeds, or alone with them."""
    found, tests = rows(runs), adjusted(runs)
    if len(scores(found[key])) < SEEDS or sum(len(scores(row)) >= SEEDS for row in found.values()) < 2:
        return None
    better = 0
    for other, row in found.items():
        if tests.get((other, key), 1.0) < 0.05 and mean(differences(row, found[key])) > 0:
            better += 1
    return 1 + better
