"""What a comparison found: a verdict on one figure of one row, with the test that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The answers there are. The worst come first."""

    FAILURE = "new failure"
    MISSING = "missing"
    WORSE = "worse"
    CHANGED = "behaviour changed"
    BETTER = "better"
    NEW = "new"
    NOT_COMPARABLE = "not comparable"
    SAME = "no change"


REGRESSIONS = frozenset({Verdict.FAILURE, Verdict.MISSING, Verdict.WORSE, Verdict.CHANGED})


class Figure(StrEnum):
    """What is compared, by the names that `--fail-on` takes."""

    FAILURES = "failures"
    """Errors, NaN, timeouts."""
    MISSING = "missing"
    """Whether the row is there."""
    BEHAVIOUR = "behaviour"
    """What the same seed gives, to the bit: the loss curve, the evaluations, the predictions."""
    COST = "cost"
    """What is counted: steps, passes, updates, FLOPs, parameters."""
    MEMORY = "memory"
    TARGET = "target"
    """Whether the time to match the target is still finite."""
    ACCURACY = "accuracy"
    TIME = "time"


@dataclass(frozen=True, order=True)
class RowName:
    """A row as both sides name it: what must be alike for two sets of runs to be the same row."""

    task: str
    pair: str
    protocol: str
    """With the share of the budget, where it is not all of it."""
    method: str
    """With the parameters that are tuned, as on the board."""
    arithmetic: str
    machine: str

    def __str__(self) -> str:
        return " · ".join((self.method, self.task, self.pair, self.protocol, self.arithmetic, self.machine))


@dataclass(frozen=True)
class Difference:
    """Head − base, with its two-sided 95% interval where there is one."""

    value: float
    low: float | None
    high: float | None
    unit: str
    """`points`, `%`, or what is counted."""


@dataclass(frozen=True)
class Finding:
    """One figure of one row."""

    row: RowName | str
    """A row of records, or the name of a benchmark."""
    figure: Figure
    verdict: Verdict
    seen: str
    """What was seen, in a sentence that names the values."""
    test: str = ""
    """What the verdict rests on; empty where there was nothing to test."""
    p: float | None = None
    """Of the test, adjusted where the test says so."""
    difference: Difference | None = None
    announced: str = ""
    """The raised version that announces the change, e.g. `kd v1 → v2`; such a change is no regression."""
    more_seeds: int = 0
    """How many seeds each side should have in all, where those that there are leave a doubt; 0: none is needed."""
    undecided: bool = False
    """Whether there is a doubt that no more seeds are looked at for."""

    @property
    def in_doubt(self) -> bool:
        return self.undecided or self.more_seeds > 0

    @property
    def is_regression(self) -> bool:
        return self.verdict in REGRESSIONS and not self.announced
