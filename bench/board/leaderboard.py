"""LEADERBOARD.md with its figures and targets: the same records give the same files, in any order."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.board.board import Board
from bench.board.group import SEEDS_FOR_ORDER
from bench.board.markdown import escape, image, written
from bench.board.over_tasks import OverTasks, over_tasks, summary
from bench.board.plots import SEAL, Plot, profile_plot, runs_plot
from bench.board.section import section
from bench.board.stored_targets import StoredTargets
from bench.board.tables.leaders import by_protocol, leaders
from bench.board.target import Target
from bench.errors import StoreError
from bench.identity import key_of
from bench.record import Record
from bench.store import clear_unfinished, slug, unfinished, write_new, write_whole

CLAIM = "board"
"""The claim, in the results folder, of whoever writes these files: the last one to write has seen every record."""
FIGURES = "figures"
"""The folder of the figures, in the results folder."""
HEADER = f"""\
# Leaderboard

Made by `python -m bench leaderboard` from the records that its rows link to; do not edit. Under each table one sentence
each says what its figures are; kdbench's `docs/how-to-read-the-board.md` explains them. `python -m bench show FILE`
prints a record, with the command that makes it again; data that do not come with the code are read from
`BENCH_DATA_DIR`, or downloaded.

- Metrics are in percent points, of the last epoch on test; nothing is chosen on test.
- † adapted from another modality. \\* provisional, fewer than {SEEDS_FOR_ORDER} seeds: by name, no order claimed.
- Failed runs are shown as failed and are in no mean. Times and memory of different machines are never in one table,
  protocols and versions of tasks never in any.
"""

PROFILE_CAPTION = (
    "For every r, the share of a method's ranked cells (in brackets) in which its time to match is at most r times the "
    "shortest one there; a miss is never within."
)
NO_PROFILE = "fewer than two cells have ranked times to match from five runs of the same methods on this machine"


@dataclass(frozen=True)
class Leaderboard:
    """Every file of a board, before it is written."""

    path: Path
    text: str
    plots: dict[Path, Plot]
    targets: dict[Path, str]
    """Those that are not stored yet."""
    figures: Path

    def write(self) -> list[Path]:
        """Writes what is not there or is not the same, each file whole or not at all; returns what was written."""
        new: dict[Path, str] = dict(self.targets)
        new |= {path: plot.svg() for path, plot in self.plots.items() if not plot.is_drawn(path)}
        if _text_of(self.path) != self.text:
            new[self.path] = self.text
        for path, text in new.items():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{path.parent} cannot be made: {error.strerror or error}") from error
            (write_new if path in self.targets else write_whole)(path, text)
        for path in self.left_over():
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"{path} cannot be removed: {error.strerror or error}") from error
        return list(new)

    def clear_unfinished(self) -> None:
        """Removes what a process that was killed while it wrote these files has left. Nobody else may write now."""
        for path in (self.path, *self.plots, *self.targets):
            clear_unfinished(unfinished(path.parent), path.name)

    def differences(self) -> str:
        """What `write` would change, for people; empty if nothing."""
        lines = [f"{path} is not stored: a new version of a target" for path in self.targets]
        lines += [f"{path} does not show these records" for path, plot in self.plots.items() if not plot.is_drawn(path)]
        lines += [f"{path} belongs to no records any more" for path in self.left_over()]
        said = "".join(f"{line}\n" for line in lines)
        old = _text_of(self.path) or ""
        if old == self.text:
            return said
        changes = difflib.unified_diff(
            old.splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            str(self.path),
            f"{self.path} (from the records)",
        )
        return said + "".join(changes)

    def left_over(self) -> list[Path]:
        """Figures of ours that the board shows no more."""
        found = sorted(path for path in self.figures.glob("*.svg") if path.is_file())
        return [path for path in found if path not in self.plots and SEAL.search(_text_of(path) or "")]


def leaderboard(records: Iterable[tuple[Path, Record]], results: Path, path: Path) -> Leaderboard:
    """The whole board. results: where targets and figures are. path: of its Markdown, from which all links go."""
    board, figures = Board.of(records, path.parent), results / FIGURES
    if not board.analyses:
        return Leaderboard(path, f"{HEADER}\nNo records yet: `python -m bench run` makes them.\n", {}, {}, figures)
    plots: dict[Path, Plot] = {}

    def picture(plot: Plot) -> str:
        file = figures / f"{plot.name}.svg"
        plots[file] = plot
        return Path(os.path.relpath(file, path.parent)).as_posix()

    stored = kept_targets(board, results)
    parts = [HEADER.rstrip(), *_leaders(board), *_over_tasks(board, picture)]
    for analysis in board.analyses:
        group, title = analysis.group, analysis.title
        pictures = {
            machine: picture(runs_plot(analysis, machine, _file_name(title, machine, group.identity), title))
            for machine in group.timed
        }
        parts.append(section(analysis, title, stored, pictures, board.methods[group.cell.task.name]))
    return Leaderboard(path, "\n\n".join(parts) + "\n", plots, stored.new, figures)


def kept_targets(board: Board, results: Path) -> StoredTargets:
    """The stored targets; those of the board that are no version yet are the next ones."""
    stored = StoredTargets(results)
    for analysis in board.analyses:
        for target in (analysis.target, *(analysis.control_target or ())[1:]):
            if isinstance(target, Target):
                stored.keep(target)
    return stored


def _leaders(board: Board) -> list[str]:
    parts = ["## In short"]
    for protocol, machine, analyses in by_protocol(board):
        parts += [f"### {escape(protocol)}, on {escape(machine)}", written(leaders(analyses, machine))]
    return parts


def _over_tasks(board: Board, picture) -> list[str]:
    parts = []
    for over in over_tasks(board):
        if len(over.methods) < 2:
            continue
        parts += [f"### Over tasks: {escape(over.protocol)}, on {escape(over.machine)}", written(summary(over))]
        if over.profile:
            picture_of = image(f"Performance profile: {over.protocol}, on {over.machine}", picture(_profile(over)))
            parts += [picture_of, f"<sub>{escape(PROFILE_CAPTION)}</sub>"]
        else:
            parts.append(f"No performance profile: {NO_PROFILE}.")
    return ["## Over tasks", *parts] if parts else []


def _profile(over: OverTasks) -> Plot:
    title = f"Time to match, {over.protocol}"
    return profile_plot(over.profile, _file_name(f"profile {over.protocol}", over.machine, over.protocol), title)


def _file_name(title: str, machine: str, identity: str) -> str:
    """Readable, and different for what has another identity, however alike its title is as a file name."""
    return f"{slug(title)[:80]}-{machine}-{key_of([identity, machine])[:8]}"


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
