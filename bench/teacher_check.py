"""Whether a plan's teachers are those of the records that are there: with other weights, rows are not comparable.

Names do not tell the teacher, so a few records are opened: evenly spaced in the order of their names, hence of several
methods and seeds. Records of other weights that are none of these are found by the board, which shows them apart.
"""

from __future__ import annotations

from bench.cell import Cell
from bench.engine.teachers import cached_path, read_header, teacher_identity
from bench.errors import TeacherError
from bench.plan import Plan
from bench.store import Store, read

MOST_READ = 10
"""Records for each teacher."""


def other_teachers(plan: Plan, cells: list[Cell], store: Store) -> list[str]:
    """One sentence for each teacher of the cells whose weights are not those of records under the same key."""
    if plan.brought:
        return []  # its key is its weights
    found = []
    for cell in {cell.teacher_key: cell for cell in cells if cell.teacher_key}.values():
        folder = store.folder(plan.machine, cell)
        names = [name for names in store.finished(plan.machine, cell).values() for name in names]
        uses = [record.teacher for record in (read(folder / name) for name in spread(names)) if record.teacher]
        recorded = {use.sha256 for use in uses if use.key == cell.teacher_key}
        here = cached_weights(cell)
        if recorded and here not in recorded:
            weights = ", ".join(sorted(each[:12] for each in recorded))
            found.append(
                f"the teacher {cell.pair.teacher} of the records in {folder} has the weights {weights}; "
                + (f"the one in the cache has {here[:12]}" if here else "it is not in the cache and is trained again")
                + ". Where the weights differ, the board shows the new records apart; --teacher FILE takes given ones."
            )
    return found


def spread(names: list[str], most: int = MOST_READ) -> list[str]:
    """At most so many of the names, evenly spaced, the first and the last among them."""
    if len(names) <= most:
        return names
    return [names[number * (len(names) - 1) // (most - 1)] for number in range(most)]


def cached_weights(cell: Cell) -> str | None:
    """The sha256 of the cell's teacher in the cache; None if it is not there or damaged."""
    path = cached_path(teacher_identity(cell.task, cell.pair.teacher, cell.protocol, cell.precision))
    try:
        return read_header(path).sha256 if path.exists() else None
    except TeacherError:
        return None
