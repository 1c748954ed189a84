"""How many seeds there are at each look at a row, and which part of the level belongs to it.

Where seeds are added to rows in doubt until there is none, each look is one more chance of a false alarm. So the level
is split: the parts of all looks add up to 1, and no number of looks raises more false alarms than the level says,
whatever the deviation. One row is decided at 5 seeds. The more rows are tested together, the less 5 seeds can see after
Holm, and the more of the level is kept for the last look.
"""

from __future__ import annotations

import math

LOOKS = (3, 5, 10)
"""The seeds that each side should have, at one look after the other (the protocol, Regressions)."""
EARLY = {3: 0.05, 5: 0.87}
"""Of one row's level, at the looks before the last; of n rows', divided by √n."""


def share(seeds: int, rows: int) -> float:
    """The part of the level at so many seeds on the smaller side, of a row that is tested together with `rows`."""
    early = {look: part / math.sqrt(rows) for look, part in EARLY.items()}
    if seeds >= LOOKS[-1]:
        return 1 - sum(early.values())
    return early[3] if seeds < 5 else early[5]


def next_look(seeds: int) -> int:
    """How many seeds to have instead of so many; 0 where there is no further look."""
    return next((look for look in LOOKS if look > seeds), 0)
