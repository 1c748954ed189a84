"""Where what must not run would leave its mark."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What is there once something ran."""
    return tmp_path / "ran"
