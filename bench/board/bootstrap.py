"""Intervals over test items and seeds, for test sets so small that their items decide (the protocol, Statistics).

Seeds and items are drawn with replacement, together: what is sampled is which students were trained and which items
they were asked.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

SMALL = 1000
"""Test sets with fewer items."""
DRAWS = 2000


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95% percentile interval of the mean of `values`, (seeds, items)."""
    seeds, items = values.shape
    # Whole numbers in floating point: sums are exact, so that no library's order of summation shows.
    sums = np.einsum("bs,bs->b", _counts(seeds, 0), _counts(items, 1) @ values.T.astype(float))
    low, high = np.percentile(sums / (seeds * items), (2.5, 97.5))
    return float(low), float(high)


@lru_cache(maxsize=8)
def _counts(n: int, stream: int) -> np.ndarray:
    """How often each of n is drawn in n draws with replacement, (DRAWS, n). Streams are independent."""
    # The stream of this generator is frozen, so that every version of NumPy gives the same board.
    return np.random.RandomState((n, stream)).multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(float)
