"""Findings and reports made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from records import record

from bench.compare.finding import Difference, Figure, Finding, RowName, Verdict
from bench.compare.more_seeds import MoreSeeds
from bench.compare.report.report import Report
from bench.compare.sides import Side

FAIL_ON = frozenset(set(Figure) - {Figure.MISSING, Figure.TIME})
SEEN = "the loss differs from evaluation 1 of 8 on: 2.3015 → 2.2987 (seed 0)"


def row(method: str = "kd", **changes: str) -> RowName:
    usual = {"task": "digits", "pair": "resnet14->resnet8", "protocol": "smoke", "arithmetic": "float32"}
    return RowName(method=method, **{**usual, "machine": "cpu-2c-8g", **changes})


def finding(method: str | RowName = "kd", figure: Figure = Figure.COST, verdict: Verdict = Verdict.SAME, **more: Any):
    name = row(method) if isinstance(method, str) else method
    return Finding(name, figure, verdict, more.pop("seen", "equal to the bit"), **more)


def unchanged(method: str) -> list[Finding]:
    """What a row without a change gives with one seed."""
    figures = (Figure.FAILURES, Figure.MISSING, Figure.BEHAVIOUR, Figure.COST, Figure.MEMORY, Figure.ACCURACY)
    short = finding(method, Figure.TIME, Verdict.NOT_COMPARABLE, seen="1 seed in common, expected at least 3")
    return [*(finding(method, figure) for figure in figures), short]


def changed() -> Finding:
    return finding("kd", Figure.BEHAVIOUR, Verdict.CHANGED, seen=SEEN)


def worse(method: str = "pkd") -> Finding:
    return finding(
        method,
        Figure.ACCURACY,
        Verdict.WORSE,
        seen="69.84 → 69.32 over 5 and 5 seeds",
        test="one-sided Welch test, Holm over 22 rows",
        p=0.0012,
        difference=Difference(-0.52, -0.71, -0.33, "points"),
    )


def in_doubt(method: str = "at", seeds: int = 5) -> Finding:
    return finding(method, Figure.ACCURACY, seen="69.84 → 69.62 over 3 and 3 seeds", p=0.08, more_seeds=seeds)


def report(findings: Sequence[Finding], seeds: Sequence[MoreSeeds] = (), **options: Any) -> Report:
    records = [record("kd", 0), record("kd", 1)]
    sides = {"base": Side("main", records, where="main", unpack="git archive main"), "head": Side("results", records)}
    return Report(**{**sides, "findings": findings, "fail_on": FAIL_ON, "more_seeds": seeds, **options})
