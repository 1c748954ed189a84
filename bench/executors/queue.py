"""The order in which waiting cells are taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from itertools import islice

from bench.executors.job import Ticket

FAR = 1_000
"""How many of the next cells are looked through for one that need not wait for a teacher."""


def take_next(queue: deque[Ticket], being_made: Set[str]) -> Ticket:
    """Takes the next cell out; rather one whose teacher is not being made now, since it would wait for it.

    being_made: keys of teachers.
    """
    for number, ticket in enumerate(islice(queue, FAR)):
        if ticket.teacher_key not in being_made:
            del queue[number]
            return ticket
    return queue.popleft()
