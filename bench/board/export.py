"""Records → one flat table, one row a record, for those who want to compute for themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bench.board.entries import Entry, entries
from bench.board.group import peak_memory
from bench.errors import UsageError
from bench.record import Record

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "json", "parquet")


def frame(records: Iterable[tuple[Path, Record]], folder: Path) -> pd.DataFrame:
    """Metrics in percent points, times in seconds, memory in bytes. Failed records have a status and few figures."""
    # pandas takes half a second to import.
    import pandas as pd

    return pd.DataFrame([_flat(entry) for entry in entries(records, folder)])


def write(table: pd.DataFrame, form: str, target: Path | BinaryIO) -> None:
    """Writes `csv`, `json` (a list of objects) or `parquet` to a file or a binary stream.

    In csv unknown is empty; `nan` is a status.
    """
    if form == "csv":
        table.to_csv(target, index=False)
    elif form == "json":
        table.to_json(target, orient="records", indent=1, double_precision=15)
    elif form == "parquet":
        table.to_parquet(target, index=False)
    else:
        raise UsageError(f"unknown format {form!r}: expected one of {', '.join(FORMATS)}")


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
        row |= record.cost.model_dump(exclude={"student", "teacher"})
        row["peak_memory_bytes"] = peak_memory(record.cost)
        row["student_latency_seconds"] = record.cost.student.latency_seconds
        row["student_examples_per_second"] = record.cost.student.examples_per_second
        row["student_flops"] = record.cost.student.flops
    for part in (record.fidelity, record.calibration):
        row |= part.model_dump() if part else {}
    return row
