"""Records → one flat table, one row a record, for those who want to compute for themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bench.board.board import Board
from bench.board.entries import Entry, entries
from bench.board.group import peak_memory
from bench.board.match import match, match_best
from bench.board.stored_targets import StoredTargets
from bench.board.tables.memory import resident
from bench.board.tables.time import NEAR
from bench.board.target import Target
from bench.errors import UsageError
from bench.printable import printable
from bench.record import Record

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "json", "parquet")
FORMULA = tuple("=+-@")
"""With which a formula of a spreadsheet begins."""
COLUMN_LIMIT = 2**63
"""Columns hold no larger integer; as a number with a point they hold it."""


def frame(records: Iterable[tuple[Path, Record]], folder: Path, results: Path) -> pd.DataFrame:
    """Metrics in percent points, times in seconds, memory in bytes. Failed records have a status and few figures.

    A run's time to match is unknown where it misses the target (`reached` is false, the time is censored at the
    budget), and where it belongs to several targets: a run without a teacher is held against every teacher's.
    results: where the targets are stored.
    """
    # pandas takes half a second to import.
    import pandas as pd

    found = entries(records, folder)
    targets = _targets(Board.of_entries(found))
    stored = StoredTargets(results)
    return pd.DataFrame([_flat(entry) | _matched(entry, targets.get(entry.link, []), stored) for entry in found])


def write(table: pd.DataFrame, form: str, target: Path | BinaryIO) -> None:
    """Writes `csv`, `json` (a list of objects) or `parquet` to a file or a binary stream.

    In csv unknown is empty; `nan` is a status. There a text is on one line, and has a `'` before it if a spreadsheet
    would take it for a formula: names come from whoever made the records. The other formats hold every text as it is.
    """
    if form == "csv":
        _for_spreadsheets(table).to_csv(target, index=False)
    elif form == "json":
        table.to_json(target, orient="records", indent=1, double_precision=15)
    elif form == "parquet":
        table.to_parquet(target, index=False)
    else:
        raise UsageError(f"unknown format {form!r}: expected one of {', '.join(FORMATS)}")


def _for_spreadsheets(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the texts that csv can hold safely."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    texts = [name for name in table if not (is_numeric_dtype(table[name]) or is_bool_dtype(table[name]))]
    made = table.assign(**{name: table[name].map(_cell) for name in texts})
    return made.rename(columns=_cell)


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip()[:1] in FORMULA else text


def _targets(board: Board) -> dict[str, list[Target]]:
    """The link of a run → the targets that it is held against."""
    gathered: dict[str, list[Target]] = defaultdict(list)
    for analysis in board.analyses:
        if isinstance(analysis.target, Target):
            for entry in analysis.group.any_entries:
                gathered[entry.link].append(analysis.target)
    return gathered


def _matched(entry: Entry, targets: list[Target], stored: StoredTargets) -> dict[str, Any]:
    if len(targets) != 1 or not (entry.record.ok or entry.record.status == "nan"):
        return {}
    [target] = targets
    found = match(entry.evaluations, target) if entry.evaluations else None
    best = match_best(entry.evaluations, target) if entry.evaluations else None
    return {
        "target": target.value,
        "target_version": stored.number(target),
        "target_configuration": target.configuration,
        "reached": found is not None,
        "censored_at_seconds": None if found or not entry.record.cost else entry.record.cost.train_seconds,
        **{f"{name}_to_match": getattr(found, name, None) for name in ("seconds", "steps", "flops")},
        "seconds_before_match": getattr(found, "seconds_before", None),
        "seconds_to_match_best": getattr(best, "seconds", None),
    }


def _flat(entry: Entry) -> dict[str, Any]:
    record, cell = entry.record, entry.record.cell
    row = {
        "key": record.key,
        "machine": record.machine,
        "task": cell.task.name,
        "task_version": cell.task.version,
        "teacher": cell.pair.teacher,
        "student": cell.pair.student,
        "method": cell.method.name,
        "method_version": cell.method.version,
        "method_parameters": entry.parameters,
        "protocol": cell.protocol["name"],
        "protocol_version": cell.protocol["version"],
        "protocol_sha256": entry.protocol,
        "pretrained_sha256": cell.pretrained,
        "precision": cell.precision,
        "compiled": cell.compiled,
        "budget": cell.budget,
        "seed": cell.seed,
        "status": record.status,
        "metric": record.metric,
        "adapted": record.adapted,
        "teacher_sha256": record.teacher.sha256 if record.teacher else None,
        "teacher_test": record.teacher.test if record.teacher else None,
        "record": entry.link,
        "command": record.provenance.command,
        "commit": record.provenance.commit,
    }
    if record.result:
        row |= {f"test_{metric}": value for metric, value in record.result.test.items()}
        row |= {f"test_selected_{metric}": value for metric, value in (record.result.test_selected or {}).items()}
        row |= record.result.model_dump(include={"selected_epoch", "select", "worst_class"})
    if record.cost:
        row |= record.cost.model_dump(exclude={"student", "teacher", "passes"})
        for name, passes in (record.cost.passes or {}).items():
            row |= {f"{name}_{kind}": count for kind, count in passes}
        row["peak_memory_bytes"] = peak_memory(record.cost)
        row["resident_growth_bytes"] = resident(record.cost)
        row["seconds_to_best"] = entry.evaluations.seconds_to_best()
        row["seconds_to_near_best"] = entry.evaluations.seconds_to_best(NEAR)
        row["student_latency_seconds"] = record.cost.student.latency_seconds
        row["student_examples_per_second"] = record.cost.student.examples_per_second
        row["student_flops"] = record.cost.student.flops
    for part in (record.fidelity, record.calibration):
        row |= part.model_dump() if part else {}
    return {name: float(value) if _is_wide(value) else value for name, value in row.items()}


def _is_wide(value: Any) -> bool:
    return isinstance(value, int) and not -COLUMN_LIMIT <= value < COLUMN_LIMIT
