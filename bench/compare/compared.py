"""Two sides → the report: records and benchmarks are compared, and what is in doubt gets its commands."""

from __future__ import annotations

from bench.compare.benchmarks import compare_benchmarks
from bench.compare.comparison import Made, Margins, compare
from bench.compare.finding import Figure
from bench.compare.more_seeds import more_seeds
from bench.compare.report.report import Report
from bench.compare.rows import runs_of
from bench.compare.sides import Side


def compared(base: Side, head: Side, margins: Margins, fail_on: frozenset[Figure], made: Made) -> Report:
    """fail_on: the figures whose regressions are failures."""
    findings = compare(base.records, head.records, margins, made)
    seeds = more_seeds(findings, runs_of(base.records), runs_of(head.records))
    findings += compare_benchmarks(base.benchmarks, head.benchmarks, margins.time)
    return Report(base, head, findings, fail_on, seeds)
