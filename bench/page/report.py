"""Records → the folder of the page."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from bench.board.board import Board
from bench.board.leaderboard import kept_targets
from bench.errors import BenchError
from bench.page.cells import Cell, packs
from bench.page.content import content, differences
from bench.page.folder import replaced_folder
from bench.page.links import Links
from bench.page.script import script, text_of
from bench.page.summary import summary_data
from bench.record import Record

ASSETS = Path(__file__).parent / "assets"


def write_report(records: Iterable[tuple[Path, Record]], results: Path, folder: Path) -> None:
    """Writes the whole page into a folder of its own. Raises StoreError if something else is there.

    results: the folder with the stored targets.
    """
    with replaced_folder(folder) as new:
        board = Board.of(records, folder)
        stored = kept_targets(board, results)
        shutil.copytree(ASSETS, new / "assets")
        (new / "assets" / "index.html").rename(new / "index.html")
        shutil.copyfile(_plotly(), new / "assets" / "plotly.min.js")
        _write(new, "overview", text_of(summary_data(board)))
        for analysis in board.analyses:
            link, seen = Links(analysis.group).group, board.methods[analysis.group.cell.task.name]
            _write(new, f"groups/{link}", text_of(content(analysis, stored, seen)))
            _write(new, f"differences/{link}", text_of(differences(analysis)))
        _write_cells(new, packs(board.analyses, folder))


def _write_cells(folder: Path, packed: Iterable[list[Cell]]) -> None:
    """The packs, and in which of them each cell is."""
    (folder / "data" / "cells").mkdir()
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for number, pack in enumerate(packed):
        for cell in pack:
            places[cell.machine][cell.key] = number
        (folder / "data" / "cells" / f"{number}.js").write_bytes(b"".join(cell.script for cell in pack))
    _write(folder, "cells", text_of(places))


def _write(folder: Path, name: str, text: bytes) -> None:
    path = folder / "data" / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(script(name, text))


def _plotly() -> Path:
    """The script of plotly, without importing plotly."""
    found = find_spec("plotly")
    if found is None:
        raise BenchError("the page needs plotly: install it with `pip install plotly`")
    return Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
