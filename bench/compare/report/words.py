"""What all formats say in the same words."""

from __future__ import annotations

from bench.compare.finding import Difference, Figure, Finding, Verdict

OF_ONE_FIGURE = frozenset({Verdict.FAILURE, Verdict.MISSING, Verdict.NEW})
"""Verdicts that say themselves what they are about."""


def headline(finding: Finding) -> str:
    """`worse in cost: …` or `behaviour changed: …`."""
    says_itself = finding.verdict in OF_ONE_FIGURE or finding.figure is Figure.BEHAVIOUR
    about = "" if says_itself else f" in {finding.figure}"
    return f"{finding.verdict}{about}: {finding.seen}"


def probability(p: float | None) -> str:
    """`p = 0.012`; empty where there is none."""
    if p is None:
        return ""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def difference(value: Difference | None) -> str:
    """`-0.52 points (95%: -0.71 to -0.33)`; empty where there is none."""
    if value is None:
        return ""
    unit = "%" if value.unit == "%" else f" {value.unit}"
    text = f"{_signed(value.value)}{unit}"
    if value.low is None and value.high is None:
        return text
    low, high = ("?" if end is None else _signed(end) for end in (value.low, value.high))
    return f"{text} (95%: {low} to {high})"


def remarks(finding: Finding) -> list[str]:
    """What must be known of a verdict beside what was seen."""
    found = [f"announced by {finding.announced}"] if finding.announced else []
    if finding.in_doubt:
        needs = (
            f"needs {finding.more_seeds} seeds a side" if finding.more_seeds else "has all the seeds that are looked at"
        )
        found.append(f"in doubt: {needs}")
    return found


def basis(finding: Finding) -> str:
    """The test, its p, the difference and the remarks, in one line; empty where there are none."""
    parts = [finding.test, probability(finding.p), difference(finding.difference), *remarks(finding)]
    return ", ".join(part for part in parts if part)


def _signed(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:+,.0f}" if value else "0"
    return f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.2g}"
