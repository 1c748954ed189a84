"""The primary metric on test over seeds: Welch's test, Holm over the rows, and what cannot be told yet.

The metric of n test items moves in steps of 100 / n points. Samples on such a grid may be equal by chance, and would
then have no deviation and no doubt: so no sample's variance is taken to be below step² / 12, that of rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.board.statistics import Welch, holm, welch
from bench.compare.behaviour import identical
from bench.compare.finding import Difference, Figure, Finding, RowName, Verdict
from bench.compare.looks import LOOKS, next_look, share
from bench.compare.rows import MatchedRow
from bench.compare.words import count

LEVEL = 0.01
"""The chance that rows which are all alike show a drop, whatever their number."""
ERRORS = 2
"""Standard errors that a difference must exceed, beside the margin."""


@dataclass(frozen=True)
class Scores:
    """A row's scores in percent points, higher being better."""

    base: tuple[float, ...]
    head: tuple[float, ...]
    identical: bool = False
    """Whether both sides ran the same seeds and each gave the same bits: then there is nothing to test."""
    step: float = 0.0
    """By how many points one test item moves a score; 0 where it is unknown."""

    @classmethod
    def of(cls, row: MatchedRow) -> Scores:
        sides = row.base.done.values(), row.head.done.values()
        base, head = (tuple(record.result.test[record.metric] for record in side) for side in sides)
        items = [record.test_items for side in sides for record in side if record.test_items]
        return cls(base, head, bool(row.pairs) and identical(row), 100 / min(items) if items else 0.0)

    def test(self) -> Welch | None:
        """None where there is nothing to test, or too little."""
        return None if self.identical else welch(self.base, self.head, self.step**2 / 12)


def accuracy(
    rows: Mapping[RowName | str, Scores], margin: float, until_sure: bool = False
) -> dict[RowName | str, Finding]:
    """Worse: p < .01 after Holm over the rows that are not identical, and a drop above margin and 2 standard errors.

    Better is its mirror image. p is one-sided. In doubt is a row without a verdict whose drop may be more than the
    margin, by its one-sided 95% upper bound.

    margin: in points. until_sure: whether such rows are given seeds and looked at again; then p is divided by the
    look's part of the level (`bench.compare.looks`).
    """
    tests = {name: test for name, scores in rows.items() if (test := scores.test()) is not None}
    parts = {name: share(_seeds(rows[name]), len(tests)) if until_sure else 1.0 for name in tests}
    drops = holm({name: min(1.0, test.p_lower / parts[name]) for name, test in tests.items()})
    gains = holm({name: min(1.0, test.p_higher / parts[name]) for name, test in tests.items()})
    looks = f" and for looks at {LOOKS[0]}, {LOOKS[1]} and {LOOKS[2]} seeds" if until_sure else ""
    basis = f"one-sided Welch test, p adjusted for {count(len(tests), 'row')}{looks}"
    return {
        name: _tested(name, scores, tests[name], drops[name], gains[name], basis, margin)
        if name in tests
        else _untested(name, scores)
        for name, scores in rows.items()
    }


def _untested(name: RowName | str, scores: Scores) -> Finding:
    means = _means(scores)
    if scores.identical:
        none = Difference(0.0, None, None, "points")
        return Finding(name, Figure.ACCURACY, Verdict.SAME, means, "equal to the bit", difference=none)
    lacking = [side for side, values in (("base", scores.base), ("head", scores.head)) if not values]
    if lacking:
        seen = f"no run succeeded in {' and '.join(lacking)}"
        return Finding(name, Figure.ACCURACY, Verdict.NOT_COMPARABLE, seen)
    seen = f"{means}; no test with fewer than 2 seeds on a side"
    return Finding(name, Figure.ACCURACY, Verdict.NOT_COMPARABLE, seen, more_seeds=LOOKS[0])


def _tested(
    name: RowName | str, scores: Scores, test: Welch, drop: float, gain: float, basis: str, margin: float
) -> Finding:
    """drop, gain: the adjusted p. basis: the test in words."""
    least = max(margin, ERRORS * test.error)
    worst = -test.difference + test.reach(0.95)
    seen, more, in_doubt = _means(scores), 0, False
    if drop < LEVEL and -test.difference > least:
        verdict = Verdict.WORSE
    elif gain < LEVEL and test.difference > least:
        verdict = Verdict.BETTER
    else:
        verdict = Verdict.SAME
        if in_doubt := worst > margin:
            seen, more = f"{seen}; a drop of {worst:.2f} cannot be excluded", next_look(_seeds(scores))
    reach = test.reach(0.975)
    return Finding(
        name,
        Figure.ACCURACY,
        verdict,
        seen,
        basis,
        gain if verdict is Verdict.BETTER else drop,
        Difference(test.difference, test.difference - reach, test.difference + reach, "points"),
        more_seeds=more,
        undecided=in_doubt and not more,
    )


def _seeds(scores: Scores) -> int:
    return min(len(scores.base), len(scores.head))


def _means(scores: Scores) -> str:
    sides = (scores.base, scores.head)
    means = [f"{sum(side) / len(side):.2f}" if side else "none" for side in sides]
    return f"{' → '.join(means)} over {len(scores.base)} and {count(len(scores.head), 'seed')}"
