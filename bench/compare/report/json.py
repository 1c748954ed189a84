"""The report as JSON, with everything that was found; unknown is null, and names stay as they are."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from bench.compare.finding import Finding, RowName
from bench.compare.more_seeds import MoreSeeds
from bench.compare.report.report import Report, Row
from bench.compare.sides import Side


def render(report: Report) -> str:
    content = {
        "base": report.base.name,
        "head": report.head.name,
        "verdict": report.verdict,
        "summary": report.summary,
        "fail_on": sorted(report.fail_on),
        "sides": {"base": _side(report.base), "head": _side(report.head)},
        "rows": list(map(_row, report.rows)),
        "more_seeds": [_seeds(each, report.base if each.side == "base" else report.head) for each in report.more_seeds],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _side(side: Side) -> dict[str, Any]:
    return {
        "records": len(side.records),
        "benchmarks": len(side.benchmarks),
        "commits": side.commits,
        "unpack": side.unpack or None,
    }


def _row(row: Row) -> dict[str, Any]:
    is_benchmark = not isinstance(row.name, RowName)
    return {
        "name": str(row.name),
        "benchmark": row.name if is_benchmark else None,
        "cells": None if is_benchmark else dataclasses.asdict(row.name),
        "verdict": row.verdict,
        "fails": bool(row.gating),
        "findings": [_finding(each, each in row.gating) for each in row.findings],
    }


def _finding(finding: Finding, fails: bool) -> dict[str, Any]:
    difference = finding.difference
    return {
        "figure": finding.figure,
        "verdict": finding.verdict,
        "is_regression": finding.is_regression,
        "fails": fails,
        "seen": finding.seen,
        "test": finding.test or None,
        "p": _number(finding.p),
        "difference": difference
        and {
            "value": _number(difference.value),
            "low": _number(difference.low),
            "high": _number(difference.high),
            "unit": difference.unit,
        },
        "announced": finding.announced or None,
        "in_doubt": finding.in_doubt,
        "more_seeds": finding.more_seeds or None,
    }


def _seeds(cells: MoreSeeds, side: Side) -> dict[str, Any]:
    return {**dataclasses.asdict(cells), "command": cells.command(side.where) if side.where else None}


def _number(value: float | None) -> float | None:
    """JSON knows no infinity: the end of an interval that is open is unknown."""
    return value if value is not None and math.isfinite(value) else None
