"""Which rows of a group are better than which: every pair once, in one family of tests (the protocol, Statistics)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

from bench.board.group import SEEDS_FOR_ORDER, Row
from bench.board.statistics import SIGNIFICANT, holm, paired_test


@dataclass(frozen=True)
class Comparisons:
    """Paired t-tests between all rows of a group with enough seeds in common, adjusted together after Holm."""

    rows: tuple[Row, ...]
    adjusted: dict[tuple[str, str], float]
    """The p of each pair of rows, by their identities."""
    means: dict[tuple[str, str], float]
    """The mean difference of each pair, the first minus the second, in percent points."""

    @classmethod
    def of(cls, rows: tuple[Row, ...]) -> Comparisons:
        tests, means = {}, {}
        for one, other in combinations(rows, 2):
            differences = one.minus(other)
            if len(differences) >= SEEDS_FOR_ORDER:
                tests[one.identity, other.identity] = paired_test(differences)
                means[one.identity, other.identity] = math.fsum(differences) / len(differences)
        return cls(rows, holm(tests), means)

    def p(self, one: Row, other: Row) -> float | None:
        """Adjusted; None for rows with too few seeds in common."""
        either = self.adjusted.get((one.identity, other.identity))
        return self.adjusted.get((other.identity, one.identity)) if either is None else either

    def better(self, one: Row, other: Row) -> bool:
        """Whether `one` is significantly better than `other`."""
        p = self.p(one, other)
        if p is None or p >= SIGNIFICANT:
            return False
        mean = self.means.get((one.identity, other.identity))
        return mean > 0 if mean is not None else self.means[other.identity, one.identity] < 0

    def told_apart(self, one: Row, other: Row) -> bool:
        """Whether either is significantly better."""
        return self.better(one, other) or self.better(other, one)

    def rank(self, row: Row) -> int | None:
        """1 + the number of rows that are significantly better.

        None for a provisional row, which claims no order, and for a row that there is none to compare with.
        """
        alone = sum(not each.provisional for each in self.rows) < 2
        return None if row.provisional or alone else 1 + sum(self.better(other, row) for other in self.rows)
