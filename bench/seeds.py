"""The seeds of a selection, as they are written."""

from __future__ import annotations

from collections.abc import Iterable

from bench.errors import UsageError

MOST_SEEDS = 10_000
LAST_SEED = 2**31 - 1


def parse_seeds(texts: Iterable[str]) -> tuple[int, ...]:
    """`0-4`, `0,2,7` or both: whole numbers from 0, each once, in ascending order."""
    seeds: set[int] = set()
    for part in (part.strip() for text in texts for part in text.split(",")):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise UsageError(f"seeds {part!r} are not of the form 3 or 0-4")
        if int(last or first) - int(first) >= MOST_SEEDS or int(last or first) > LAST_SEED:
            raise UsageError(f"seeds {part!r}: expected at most {MOST_SEEDS:,} seeds, up to {LAST_SEED:,}")
        seeds.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(seeds))
