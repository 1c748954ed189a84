"""The running part of `run`: gives cells to an executor, follows it, and writes the board."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from bench.cli.progress import Progress
from bench.errors import BenchError
from bench.executors.job import Ticket
from bench.executors.outcome import Executor, Outcome, Watcher
from bench.garbage import no_garbage_collection
from bench.runs import RunFile
from bench.store import Store
from bench.tally import Tally


def execute(
    tickets: Sequence[Ticket],
    executor: Callable[[Watcher], Executor],
    store: Store,
    board: Path,
    expected: Mapping[Hashable, float],
    seats: int,
    further: str,
    keep_going: bool,
) -> int:
    """Runs the cells and writes the board, also when it is interrupted. Returns the exit code.

    executor: makes the executor, which tells the watcher what happens. expected: seconds of a cell of a row. further:
    how to go on after an interruption. keep_going: whether the rest runs after a failure.
    """
    tally = Tally([ticket.row for ticket in tickets], expected, seats)
    not_exported = 0
    written = True
    with RunFile(store, tally), Progress(tally) as progress:
        try:
            # Closed before the board is written, whatever happens: nothing runs on beside it.
            with closing(executor(progress).run(tickets)) as outcomes:
                for outcome in outcomes:
                    tally.ended_with(outcome.ticket.row, outcome.record, outcome.elsewhere)
                    not_exported += not outcome.exported
                    progress.finished(summary(outcome))
                    if not (outcome.record.ok or keep_going):
                        left = tally.cells - tally.ended
                        progress.say(f"stopped at the first failure: {left} cells have not been run")
                        break
        except KeyboardInterrupt:
            progress.say(
                f"interrupted: {tally.ended} of {tally.cells} cells are finished and kept; give the same command "
                f"again, {further}"
            )
            raise
        finally:
            if tally.ended:
                try:
                    write_board(store, board, progress.say)
                except BenchError as error:
                    # The records are safe.
                    written = False
                    progress.say(f"{board} was not written: {error}")
    if tally.failed:
        print(f"{tally.failed} of {tally.cells} cells failed; --only failed runs them again", file=sys.stderr)
    lost = tally.cells - tally.ended
    if lost:
        print(f"{lost} of {tally.cells} cells have no record: the same command runs them", file=sys.stderr)
    return 1 if tally.failed or not_exported or lost or not written else 0


def summary(outcome: Outcome) -> str:
    """One line about a cell that ended."""
    record, name = outcome.record, outcome.ticket.name
    by = " (by another run)" if outcome.elsewhere else ""
    if not record.ok:
        reason = record.reason.strip().splitlines()[-1]
        return f"{record.status.upper()} {name}: {reason} ({outcome.path}){by}"
    value = record.result.test[record.metric]
    return f"{name}: {record.metric} {value:.2f}, {record.cost.train_seconds:.1f} s{by}"


def write_board(store: Store, board: Path, say: Callable[[str], None]) -> None:
    """Aggregates all records."""
    from bench.board.entries import BoardRecord
    from bench.board.leaderboard import CLAIM, leaderboard

    with store.claims.held(CLAIM), no_garbage_collection():
        made = leaderboard(store.records(BoardRecord), store.root, board)
        made.clear_unfinished()
        written = made.write()
    if written:
        say(f"wrote {board}")
