"""How a finding names what it saw: both values, and the seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def change(base: Any, head: Any) -> str:
    """`2.3015 → 2.2987`; with all digits where the first ones are alike."""
    if isinstance(base, float) and isinstance(head, float):
        short = [f"{value:.5g}" for value in (base, head)]
        texts = short if short[0] != short[1] else [repr(base), repr(head)]
    elif type(base) is int and type(head) is int:
        texts = [f"{base:,}", f"{head:,}"]
    else:
        texts = ["none" if value is None else str(value) for value in (base, head)]
    return " → ".join(texts)


def count(number: int, noun: str) -> str:
    """`1 seed`, `5 seeds`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def of_seeds(seeds: Iterable[int]) -> str:
    """`seed 0`, `seeds 0-4`, `seeds 0-2, 7`."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    text = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
    return f"seed {text}" if text.isdecimal() else f"seeds {text}"


def differing(base: Any, head: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The leaves of two contents that differ, with their dotted names; what one side lacks is None there."""
    if isinstance(base, dict) and isinstance(head, dict):
        for key in [*base, *(key for key in head if key not in base)]:
            below = f"{name}.{key}" if name else key
            yield from differing(base.get(key), head.get(key), below)
    elif base != head:
        yield name, base, head
