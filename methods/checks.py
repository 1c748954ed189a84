"""Values that no formula can take are refused before anything runs."""

from __future__ import annotations

from bench.method import Method


def check_positive(method: Method, *names: str) -> None:
    """Raises ValueError for the first of these parameters that is not above 0."""
    for name in names:
        if not getattr(method, name) > 0:
            raise ValueError(f"{method.name}: {name} is {getattr(method, name)}, expected above 0")


def check_share(method: Method, *names: str) -> None:
    """Raises ValueError for the first of these parameters that is not from 0 to 1."""
    for name in names:
        if not 0 <= getattr(method, name) <= 1:
            raise ValueError(f"{method.name}: {name} is {getattr(method, name)}, expected 0 to 1")
