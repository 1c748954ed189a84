"""Figures that are measured: ratios of head to base, paired by seed, Holm over the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bench.board.statistics import SIGNIFICANT, geometric_mean, holm, p_above, summarise
from bench.compare.finding import Difference, Figure, Finding, RowName, Verdict
from bench.compare.words import count

LEAST = 3
"""Pairs that say something of their own spread."""
Pair = tuple[float, float]
"""What was measured in base and in head."""


def ratios(
    rows: Mapping[RowName | str, Mapping[int, tuple[float | None, float | None]]],
    figure: Figure,
    margin: float,
    shown: Callable[[float], str],
) -> list[Finding]:
    """Worse where a one-sided t-test puts the mean log-ratio above the margin: p < .05 after Holm; better mirrored.

    For one row alone this is where the one-sided 95% lower bound passes the margin. Rows with too few pairs are not
    tested, nor counted among those that the p is adjusted for.

    rows: seed → base, head, the lower the better; what was not measured, or is 0, is left out. margin: in percent.
    """
    pairs = {name: _measured(values) for name, values in rows.items()}
    logs = {
        name: [math.log(head) - math.log(base) for base, head in both]
        for name, both in pairs.items()
        if len(both) >= LEAST
    }
    limit = math.log1p(margin / 100)
    slower = holm({name: p_above(each, limit) for name, each in logs.items()})
    faster = holm({name: p_above([-log for log in each], limit) for name, each in logs.items()})
    test = f"paired log-ratios, one-sided t-test against {margin:g}%, p adjusted for {count(len(logs), 'row')}"
    found = []
    for name, both in pairs.items():
        if name not in logs:
            seen = f"measured on both sides at {count(len(both), 'seed')}, expected at least {LEAST}"
            found.append(Finding(name, figure, Verdict.NOT_COMPARABLE, seen))
            continue
        is_worse, is_better = slower[name] < SIGNIFICANT, faster[name] < SIGNIFICANT
        found.append(
            Finding(
                name,
                figure,
                Verdict.WORSE if is_worse else Verdict.BETTER if is_better else Verdict.SAME,
                f"{_means(both, shown)}, means over {count(len(both), 'seed')}",
                test,
                faster[name] if is_better else slower[name],
                _difference(logs[name]),
            )
        )
    return found


def _measured(values: Mapping[int, tuple[float | None, float | None]]) -> list[Pair]:
    return [both for both in values.values() if all(value is not None and value > 0 for value in both)]


def _means(pairs: list[Pair], shown: Callable[[float], str]) -> str:
    return " → ".join(shown(geometric_mean(side)) for side in zip(*pairs, strict=True))


def _difference(logs: list[float]) -> Difference:
    whole = summarise(logs)
    low, mean, high = (100 * math.expm1(whole.mean + shift) for shift in (-whole.half_width, 0.0, whole.half_width))
    return Difference(mean, low, high, "%")
