"""Records → the folder of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from bench.board.entries import entries
from bench.board.group import groups
from bench.board.leaderboard import no_garbage_collection, titles
from bench.errors import BenchError
from bench.page.cells import cells
from bench.page.content import content, differences, overview
from bench.page.folder import replaced_folder
from bench.page.links import group_link
from bench.page.script import script, text_of
from bench.record import Record

ASSETS = Path(__file__).parent / "assets"


@no_garbage_collection()
def write_report(records: Iterable[tuple[Path, Record]], folder: Path) -> None:
    """Writes the whole page into a folder of its own. Raises StoreError if something else is there."""
    with replaced_folder(folder) as new:
        found = groups(entries(records, folder))
        named = list(zip(found, titles(found), strict=True))
        shutil.copytree(ASSETS, new / "assets")
        (new / "assets" / "index.html").rename(new / "index.html")
        shutil.copyfile(_plotly(), new / "assets" / "plotly.min.js")
        _write(new, "overview", text_of([overview(group, title) for group, title in named]))
        for group, title in named:
            link = group_link(group)
            _write(new, f"groups/{link}", text_of(content(group, title)))
            _write(new, f"differences/{link}", text_of(differences(group)))
        made = set()
        for name, text in cells(found, folder):
            path = new / "data" / f"{name}.js"
            if path.parent not in made:
                path.parent.mkdir(parents=True)
                made.add(path.parent)
            path.write_bytes(text)


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
