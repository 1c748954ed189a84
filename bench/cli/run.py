"""`run`: plans the cells, says what they will take, trains what is missing, writes records and the board."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import add_plugins, add_results, board_path
from bench.errors import BenchError, DataError, UsageError
from bench.garbage import no_garbage_collection

if TYPE_CHECKING:
    from bench.executors.local import Outcome
    from bench.plan import Plan
    from bench.store import Store


def add_to(commands) -> None:
    parser = commands.add_parser(
        "run",
        help="train methods on tasks; write records and LEADERBOARD.md",
        description="Runs every cell of the selection that has no record yet.",
    )
    parser.add_argument("--methods", default="all", help="names and wildcards by commas, e.g. kd,fit* (default: all)")
    parser.add_argument("--tasks", required=True, help="names and wildcards by commas, or KIND:PATH for your own data")
    parser.add_argument("--pairs", help="TEACHER->STUDENT by commas, or all (default: the task's default pairs)")
    parser.add_argument("--seeds", default="0", help="e.g. 0-4 or 0,2 (default: %(default)s)")
    parser.add_argument("--protocol", help="smoke, quick, fair, paper, … (default: the task's own)")
    parser.add_argument(
        "--budgets",
        default="1",
        metavar="SHARES",
        help="shares of the protocol's epochs by commas, e.g. 0.25,0.5,0.75,1: the board's ladder of budgets "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="METHOD.NAME=VALUE[,VALUE…]",
        help="a hyperparameter; several values make a sweep",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), help="(default: the protocol's, or what the device gains from)"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="run the teacher through torch.compile; pays where training is long against compiling",
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="folder with the data (default: $BENCH_DATA_DIR, else download)"
    )
    parser.add_argument(
        "--teacher", type=Path, metavar="PATH", help="the teacher's weights: a safetensors file or Hugging Face folder"
    )
    parser.add_argument(
        "--export-student",
        type=Path,
        metavar="DIR",
        help="save the student of this run that is best on select, in the form that Hugging Face or timm loads",
    )
    parser.add_argument(
        "--only",
        choices=("missing", "failed", "all"),
        default="missing",
        help="which cells to run; missing includes failed ones (default: %(default)s)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, what it takes, and run nothing")
    add_results(parser)
    add_plugins(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.parameters import parse_settings

    settings = parse_settings(given.set)
    data_dir = data_folder(given.data_dir)
    from bench.engine.place import place_here
    from bench.plan import Selection, make_plan, parse_budgets, parse_seeds
    from bench.registry import Registry
    from bench.store import Store

    registry, store = Registry(given.plugin), Store(given.results)
    selection = Selection(
        methods=given.methods,
        tasks=given.tasks,
        pairs=given.pairs,
        protocol=given.protocol,
        seeds=parse_seeds([given.seeds]),
        budgets=parse_budgets(given.budgets),
        settings=settings,
        precision=given.precision,
        compile=given.compile,
        teacher=given.teacher,
    )
    plan = make_plan(selection, registry, store, place_here(given.device))
    chosen = plan.chosen(given.only)
    print_plan(plan, chosen, given.dry_run)
    if chosen:
        from bench.teacher_check import other_teachers

        print_estimate(plan, chosen, store)
        for sentence in other_teachers(plan, chosen, store):
            print(f"note: {sentence}")
    if given.export_student:
        check_export(plan, chosen)
    if given.dry_run:
        return 0
    store.check_writable(plan.machine, chosen)
    if not chosen:
        print("nothing to do" + ("" if given.only == "all" else ": --only all runs again what has its record"))
        write_board(store, board_path(given.results), print)
        return 0
    return run_cells(plan, chosen, store, registry, data_dir, board_path(given.results), given.export_student)


def check_export(plan: Plan, chosen: list) -> None:
    """Raises UsageError where --export-student could not name one best student."""
    if len(chosen) < len(plan.cells):
        raise UsageError(
            f"--export-student: {len(plan.cells) - len(chosen)} of {len(plan.cells)} cells have their record, which "
            "holds no weights; --only all, with a new folder, trains them again"
        )
    tasks = sorted({cell.task.name for cell in chosen})
    if len(tasks) > 1:
        raise UsageError(f"--export-student takes the best student of one task, but these are {', '.join(tasks)}")
    for cell in chosen[:1]:
        if not cell.protocol.select:
            raise UsageError(
                f"--export-student: protocol {cell.protocol.name!r} has no select split to tell the best student by"
            )
        if not cell.task.saves:
            raise UsageError(
                f"--export-student: task {cell.task.name!r} cannot save its networks: it defines no `save`"
            )


def check_data(cells: list, data_dir: Path | None, say) -> None:
    """Reads the data of all tasks, if there are several: what is broken is told before anything is trained."""
    tasks = {cell.task.name: cell.task for cell in cells}
    if len(tasks) > 1:
        say(f"reading the data of {len(tasks)} tasks")
        for task in tasks.values():
            task.load(data_dir)


def run_cells(
    plan: Plan, cells: list, store: Store, registry, data_dir: Path | None, board: Path, export: Path | None
) -> int:
    """Runs the cells and writes the board, also when it is interrupted. Returns the exit code."""
    import torch

    from bench.cli.progress import Progress
    from bench.engine.export import StudentExport
    from bench.engine.worker import Worker
    from bench.executors.local import execute

    failed = finished = 0
    with Progress(len(cells)) as progress:
        check_data(cells, data_dir, progress.say)
        best = StudentExport(export, progress.say) if export else None
        worker = Worker(
            device=torch.device(plan.place.device),
            data_dir=data_dir,
            plain=lambda name: registry.method(name)(),
            brought=plan.brought,
            skips=plan.skips,
            export=best,
            say=progress.say,
            progress=progress.steps,
        )
        try:
            for outcome in execute(cells, worker, store):
                finished += 1
                failed += not outcome.record.ok
                progress.finished(summary(outcome))
        except KeyboardInterrupt:
            further = "with --only all and a new folder for --export-student" if export else "it goes on from there"
            progress.say(
                f"interrupted: {finished} of {len(cells)} cells are finished and kept; give the same command again, "
                f"{further}"
            )
            raise
        finally:
            if finished:
                try:
                    write_board(store, board, progress.say)
                except BenchError as error:
                    # The records are safe; how the run itself ended must stay the exit code.
                    progress.say(f"{board} was not written: {error}")
    if failed:
        print(f"{failed} of {len(cells)} cells failed; --only failed runs them again", file=sys.stderr)
    return 1 if failed or (best and best.failed) else 0


def data_folder(given: Path | None) -> Path | None:
    """The folder named by --data-dir, which must exist, or by BENCH_DATA_DIR, which tasks that read data check."""
    if given is not None and not given.is_dir():
        raise DataError(f"data folder {given} does not exist: name a folder with --data-dir or BENCH_DATA_DIR")
    return given or (Path(os.environ["BENCH_DATA_DIR"]) if os.environ.get("BENCH_DATA_DIR") else None)


def print_plan(plan: Plan, chosen: list, each: bool) -> None:
    """Skips with their reasons, the counts, and in a dry run every cell with its state."""
    if each:
        of_method = {id(cell.method): cell for cell in plan.cells}  # seeds share the object
        parameters = {method: parameters_text(cell) for method, cell in of_method.items()}
        for cell, state in zip(plan.cells, plan.states, strict=True):
            print(f"{state:8} {cell.key[:12]}  {cell}{parameters[id(cell.method)]}")
    for skip in plan.skips:
        print(f"skipped  {skip.method} · {skip.task} · {skip.pair}: {skip.reason}")
    states = ", ".join(f"{plan.states.count(state)} {state}" for state in ("done", "failed", "missing"))
    print(f"{len(plan.cells)} cells on {plan.machine}: {states}; {len(chosen)} to run, {len(plan.skips)} skipped")


def parameters_text(cell) -> str:
    """The hyperparameters of a cell, in brackets."""
    parameters = cell.method.parameters()
    return f" [{', '.join(f'{name}={value}' for name, value in parameters.items())}]" if parameters else ""


def print_estimate(plan: Plan, cells: list, store: Store) -> None:
    from bench.estimate import estimate

    expected = estimate(plan, cells, store)
    if expected.unknown and not expected.seconds:
        print(f"no estimate: no records of this work on {plan.machine} yet")
        return
    rest = f"; without {expected.unknown} of the trainings: {plan.machine} has no record of such work yet"
    print(
        f"estimated: {duration(expected.seconds)} of work, {expected.bytes / 1e6:.1f} MB on disk"
        + (rest if expected.unknown else "")
    )


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def summary(outcome: Outcome) -> str:
    """One line about a cell that ended."""
    record = outcome.record
    if not record.ok:
        reason = record.reason.strip().splitlines()[-1]
        return f"{record.status.upper()} {outcome.cell}: {reason} ({outcome.path})"
    value = record.result.test[record.metric]
    return f"{outcome.cell}: {record.metric} {value:.2f}, {record.cost.train_seconds:.1f} s"


def write_board(store: Store, board: Path, say) -> None:
    from bench.board.entries import BoardRecord
    from bench.board.leaderboard import leaderboard

    with no_garbage_collection():
        written = leaderboard(store.records(BoardRecord), store.root, board).write()
    if written:
        say(f"wrote {board}")
