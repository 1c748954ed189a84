"""Compression-identified exemplars: test items on which a method's students agree on another label than references.

The protocol, Beyond accuracy (after Hooker et al., 2019): with at least five seeds on both sides, items whose modal
label under the students differs from the modal label under the reference models, here the students without a teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.board.group import SEEDS_FOR_ORDER, Row


@dataclass(frozen=True)
class Exemplars:
    """The items, and how well the two sides do on them, in percent points; None where there are no such items."""

    count: int
    items: int
    accuracy: float | None
    reference_accuracy: float | None


@dataclass(frozen=True)
class Votes:
    """The predictions of all seeds of a row, each array (seeds, items)."""

    classes: np.ndarray
    correct: np.ndarray

    @classmethod
    def of(cls, row: Row) -> Votes | None:
        """None where a run has no predicted classes."""
        unpacked = [entry.predictions for entry in row.by_seed.values()]
        if not unpacked or any(each is None for each in unpacked) or len({len(each[0]) for each in unpacked}) > 1:
            return None
        return cls(np.stack([classes for classes, _ in unpacked]), np.stack([correct for _, correct in unpacked]))

    @cached_property
    def modal(self) -> np.ndarray:
        """The most frequent class of each item; of several, the lowest."""
        votes = (self.classes[:, None] == self.classes[None]).sum(axis=0, dtype=np.uint16)
        candidates = np.where(votes == votes.max(axis=0), self.classes, np.iinfo(self.classes.dtype).max)
        return candidates.min(axis=0)


def exemplars(students: Votes | None, references: Votes | None) -> Exemplars | None:
    """None where either side has too few seeds, or no predicted classes."""
    if students is None or references is None or students.classes.shape[1] != references.classes.shape[1]:
        return None
    if min(len(students.classes), len(references.classes)) < SEEDS_FOR_ORDER:
        return None
    changed = students.modal != references.modal
    count = int(changed.sum())
    accuracies = [100 * float(each.correct[:, changed].mean()) if count else None for each in (students, references)]
    return Exemplars(count, len(changed), *accuracies)
