"""`run`: plans the cells, says what they will take, trains what is missing, writes records and the board."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import executors
from bench.cli.options import add_plugins, add_results, board_path, count, seconds
from bench.errors import DataError, UsageError

if TYPE_CHECKING:
    from bench.estimate import Estimate
    from bench.plan import Plan
    from bench.registry import Registry
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
    parser.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="cells that run side by side, each in a process (default: one a GPU, or one for every four cores; on a "
        "cluster, as many as it holds); 0: in this process, for a debugger",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help="end a cell that takes longer, its data and teacher not counted (default: no limit)",
    )
    parser.add_argument(
        "--keep-going",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="run the other cells when one fails (default); the exit code tells",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, what it takes, and run nothing")
    executors.add_to(parser)
    add_results(parser)
    add_plugins(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.parameters import parse_settings

    settings = parse_settings(given.set)
    data_dir = data_folder(given.data_dir)
    from bench.registry import Registry

    registry = Registry(given.plugin)
    for kind, names in (("methods", given.methods), ("tasks", given.tasks)):
        registry.select(kind, names)  # a wrong name is told before a cluster is asked
    with executors.EXECUTORS[given.executor](given) as chosen:
        return plan_and_run(given, settings, data_dir, registry, chosen)


def plan_and_run(
    given: argparse.Namespace, settings: dict, data_dir: Path | None, registry: Registry, executor: executors.Chosen
) -> int:
    """Plans for the executor's place, prints the plan, and runs it."""
    from bench.cache import checkpoint_folder
    from bench.leftovers import clear_leftovers
    from bench.plan import Selection, make_plan, parse_budgets
    from bench.runs import clear_ended
    from bench.seeds import parse_seeds
    from bench.store import Store

    store = Store(given.results)
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
    plan = make_plan(selection, registry, store, executor.place)
    chosen = plan.chosen(given.only)
    print_plan(plan, chosen, given.dry_run)
    expected = None
    if chosen:
        from bench.estimate import estimate
        from bench.teacher_check import other_teachers

        expected = estimate(plan, chosen, store)
        print_estimate(plan, expected)
        for sentence in other_teachers(plan, chosen, store):
            print(f"note: {sentence}")
    if given.export_student:
        from bench.engine.export import StudentExport

        check_export(plan, chosen)
        StudentExport.check_new(given.export_student)
    if given.dry_run:
        return 0
    store.check_writable(plan.machine, chosen)
    clear_leftovers(store, plan.machine, zip(plan.cells, plan.marks, strict=True), checkpoint_folder(store.root))
    if not chosen:
        clear_ended(store)
        print("nothing to do" + ("" if given.only == "all" else ": --only all runs again what has its record"))
        from bench.cli.execute import write_board

        write_board(store, board_path(given.results), print)
        return 0
    return run_cells(given, plan, chosen, store, data_dir, expected, executor)


def run_cells(
    given: argparse.Namespace,
    plan: Plan,
    cells: list,
    store: Store,
    data_dir: Path | None,
    expected: Estimate,
    executor: executors.Chosen,
) -> int:
    """Runs the cells where the user wants them."""
    from bench.cli.check_data import check_data
    from bench.cli.execute import execute
    from bench.executors.job import Job, Ticket

    job = Job(
        results=store.root,
        machine=plan.machine,
        folder=Path.cwd(),
        plugins=tuple(given.plugin),
        pairs=given.pairs,
        data_dir=data_dir,
        teacher=given.teacher,
        export=given.export_student,
        skips=plan.skips,
        environment=dict(os.environ),
    )
    further = "it goes on from there"
    if job.export:
        further = "with --only all and a new folder for --export-student"
    elif given.only == "all":
        further = "without --only all it goes on from there, with it all cells run again"
    marks = {cell.key: mark for cell, mark in zip(plan.cells, plan.marks, strict=True)}
    tickets = [Ticket.of(cell, marks[cell.key]) for cell in cells]
    if given.executor == "local":
        check_data(job, tickets, given.timeout, print, here=given.workers == 0)
    seconds = {ticket.row: expected.each[ticket.key] for ticket in tickets if ticket.key in expected.each}
    side_by_side = executor.side_by_side(len(cells))
    start = lambda watcher: executor.start(job, len(cells), watcher)  # noqa: E731
    return execute(tickets, start, store, board_path(given.results), seconds, side_by_side, further, given.keep_going)


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


def print_estimate(plan: Plan, expected: Estimate) -> None:
    from bench.cli.progress import duration

    if expected.unknown and not expected.seconds:
        print(f"no estimate: no records of this work on {plan.machine} yet")
        return
    rest = f"; without {expected.unknown} of the trainings: {plan.machine} has no record of such work yet"
    print(
        f"estimated: {duration(expected.seconds)} of work, {expected.bytes / 1e6:.1f} MB on disk"
        + (rest if expected.unknown else "")
    )
