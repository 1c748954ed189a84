"""The built-in tasks: name → where it is, and one line about it. Nothing is imported from here."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a task is defined, and its line in `list tasks`."""

    location: str
    """"module:Class"."""
    summary: str


TABLE: dict[str, Entry] = {
    "digits": Entry(
        "tasks.digits:Digits", "Handwritten digits of 8x8 pixels, few labels: seconds a cell, comes with scikit-learn"
    ),
    "cifar100": Entry("tasks.cifar100:Cifar100", "CIFAR-100: 100 classes of 32x32 colour images (Krizhevsky, 2009)"),
}
