"""Boards for tests: one whose figures are worked out by hand, and ways to look at what a board says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from records import curve, failure, placed, record

from bench.board.analysis import Analysis
from bench.board.board import Board
from bench.board.evaluations import Evaluations
from bench.board.leaderboard import Leaderboard, leaderboard
from bench.board.table import Table
from bench.record import Record

ROOT = Path("/repo")
# seed → evaluations on select. m at the end is 63, 64, 62, 63.5, 61: lower median 63, τ = 62.7.
PKD = {
    0: (50.0, 60.0, 63.0, 66.0),
    1: (50.0, 61.0, 64.0, 67.0),
    2: (50.0, 59.0, 62.0, 65.0),
    3: (50.0, 60.5, 63.5, 66.5),
    4: (50.0, 58.0, 61.0, 64.0),
}
EARLY, NEVER = (60.0, 63.0, 66.0, 66.0), (50.0, 55.0, 60.0, 61.0)
SCRATCH = [68.0, 68.2, 68.4, 68.6, 68.8]
KD = [69.0, 69.5, 69.2, 69.9, 69.4]


def golden() -> list[Record]:
    """scratch 68.40, kd +1.00, pkd +2.00 exactly, at with three seeds of which one failed."""
    return [
        *(record("scratch", seed, test=test, select=NEVER) for seed, test in enumerate(SCRATCH)),
        *(record("kd", seed, test=test, select=EARLY if seed < 3 else NEVER) for seed, test in enumerate(KD)),
        *(
            record("pkd", seed, test=SCRATCH[seed] + 2, select=PKD[seed], seconds=20.0, adapted=True)
            for seed in range(5)
        ),
        *(record("at", seed, test=70.5 + seed, select=(EARLY, NEVER)[seed]) for seed in (0, 1)),
        failure("at", 2),
    ]


def pkd(seeds: Sequence[int] = range(5), **options) -> list[Record]:
    """Runs of the target method: τ = 62.7 from seeds 0 to 4."""
    return [record("pkd", seed, select=PKD[seed], **options) for seed in seeds]


def board(made: Sequence[Record], root: Path = ROOT) -> Leaderboard:
    """Of records that lie in `root`/results; nothing is written."""
    return leaderboard(placed(made, root / "results"), root / "results", root / "LEADERBOARD.md")


def text_of(made: Sequence[Record]) -> str:
    return board(made).text


def analyses(*made: Record) -> tuple[Analysis, ...]:
    return Board.of(placed(made), ROOT).analyses


def analysis(*made: Record) -> Analysis:
    """Of records of one group."""
    [only] = analyses(*made)
    return only


def evaluations(select, counts=None, window: int = 3, seconds: float = 10.0) -> Evaluations:
    return Evaluations.of(curve(select, seconds, counts), window)


def texts(table: Table) -> dict[str, dict[str, str]]:
    """label → title of a column → what stands there; in order."""
    titles = [column.title for column in table.columns]
    return {
        line.of if isinstance(line.of, str) else line.of.label: dict(
            zip(titles, (figure.text for figure in line.figures), strict=True)
        )
        for line in table.lines
    }


def markdown_tables(text: str) -> list[dict[str, list[str]]]:
    """Every table of a page: first cell of a row → its other cells; under `head` the titles."""
    found, rows = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if rows is None:
            rows = {"head": cells}
            found.append(rows)
        elif not set(cells[0]) <= {"-"}:
            rows[cells[0]] = cells[1:]
    return found
