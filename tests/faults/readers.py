"""What the tests of faults share: everything that reads records, run over one results folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.board.board import Board
from bench.board.entries import BoardRecord
from bench.board.export import FORMATS, frame, write
from bench.board.leaderboard import kept_targets, leaderboard
from bench.cli.show import describe
from bench.page.cells import packs
from bench.page.content import content, differences
from bench.page.script import text_of
from bench.page.summary import summary_data
from bench.store import Store, read
from bench.validation.report import validate


def board(results: Path) -> Any:
    """Markdown, figures and targets, nothing written."""
    return leaderboard(Store(results).records(BoardRecord), results, results.parent / "LEADERBOARD.md")


def export(results: Path, form: str) -> bytes:
    """The table, in the text of a format."""
    stream = io.BytesIO()
    write(frame(Store(results).records(BoardRecord), results.parent, results), form, stream)
    return stream.getvalue()


def page(results: Path) -> None:
    """All data of the page; its assets are always the same."""
    made = Board.of(Store(results).records(BoardRecord), results.parent)
    stored = kept_targets(made, results)
    text_of(summary_data(made))
    for analysis in made.analyses:
        text_of(content(analysis, stored, made.methods[analysis.group.cell.task.name]))
        text_of(differences(analysis))
    list(packs(made.analyses, results.parent))


def show(results: Path) -> None:
    for path in Store(results).paths():
        describe(path, read(path))


READERS: dict[str, Callable[[Path], Any]] = {
    "board": board,
    "page": page,
    "show": show,
    "validate": lambda results: validate(Store(results).paths(), results),
    **{form: lambda results, form=form: export(results, form) for form in FORMATS},
}
