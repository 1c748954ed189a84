"""Figures that are measured: ratios of head to base, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bench.board.statistics import geometric_mean, lower_bound, summarise
from bench.compare.finding import Difference, Figure, Finding, Verdict
from bench.compare.rows import MatchedRow

LEAST = 3
"""Pairs that say something of their own spread."""


def ratios(
    row: MatchedRow,
    figure: Figure,
    values: Mapping[int, tuple[float | None, float | None]],
    margin: float,
    shown: Callable[[float], str],
) -> Finding:
    """Worse where the one-sided 95% lower bound of the mean log-ratio passes the margin; better in the mirror.

    values: seed → base, head, the lower the better; what was not measured, or is 0, is left out. margin: in percent.
    """
    pairs = [both for both in values.values() if all(value is not None and value > 0 for value in both)]
    if len(pairs) < LEAST:
        seen = f"measured on both sides at {len(pairs)} seeds, expected at least {LEAST}"
        return Finding(row.name, figure, Verdict.NOT_COMPARABLE, seen)
    logs = [math.log(head) - math.log(base) for base, head in pairs]
    slower, faster = lower_bound(logs), lower_bound([-each for each in logs])
    limit = math.log1p(margin / 100)
    verdict = Verdict.WORSE if slower > limit else Verdict.BETTER if faster > limit else Verdict.SAME
    whole = summarise(logs)
    low, mean, high = (100 * math.expm1(whole.mean + shift) for shift in (-whole.half_width, 0.0, whole.half_width))
    texts = [shown(geometric_mean(side)) for side in zip(*pairs, strict=True)]
    return Finding(
        row.name,
        figure,
        verdict,
        f"{' → '.join(texts)}, means over {len(pairs)} seeds",
        f"paired log-ratios, one-sided 95% bound against {margin:g}%",
        difference=Difference(mean, low, high, "%"),
    )
