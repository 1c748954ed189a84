"""All checks over all files, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.board.stored_targets import StoredTargets
from bench.complaints import Complaint
from bench.errors import StoreError
from bench.printable import printable
from bench.record import Record
from bench.soundness import unsound
from bench.store import BASELINE, content_of
from bench.validation import curve, figures, origin
from bench.validation.form import parsed
from bench.validation.place import place
from bench.validation.ranges import ranges
from bench.validation.together import Found, duplicates, notes

Check = Callable[[Record], Iterator[Complaint]]
OF_EVERY_RECORD: tuple[Check, ...] = (origin.key, origin.teacher, origin.ending, origin.started, origin.command)
OF_A_FINISHED_CELL: tuple[Check, ...] = (
    curve.rises,
    curve.length,
    curve.ends,
    curve.selected,
    ranges,
    figures.predictions,
    figures.worst_class,
    figures.agreement,
    figures.peaks,
    figures.passes,
    figures.total,
)


@dataclass(frozen=True)
class Problem:
    file: str
    field: str
    problem: str

    def __str__(self) -> str:
        return printable(f"{self.file}: {self.field}: {self.problem}")


@dataclass
class Report:
    files: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is no problem, but must be known."""


def validate(paths: Iterable[Path], results: Path) -> Report:
    """Checks every file, those that are records together, and the stored targets.

    results: the folder that they belong in.
    """
    report = Report()
    found: list[Found] = []
    for path in paths:
        report.files += 1
        record, complaints = examined(path, results)
        report.problems += [Problem(str(path), *each) for each in complaints]
        if record:
            reference = path.absolute().is_relative_to((results / BASELINE).absolute())
            found.append(Found(str(path), record.machine, record.key, record.ok, record.cell, reference))
    report.problems += [Problem(file, *complaint) for file, complaint in duplicates(found)]
    report.problems += [Problem(str(path), "target", why) for path, why in StoredTargets(results).damaged()]
    report.problems.sort(key=lambda each: each.file)
    report.notes += notes([each for each in found if not each.reference])
    return report


def examined(path: Path, results: Path) -> tuple[Record | None, list[Complaint]]:
    """The record of a file, if it has the form of one, and all that is wrong with it."""
    try:
        content = content_of(path)
    except StoreError as error:
        return None, [("file", str(error).removeprefix(f"{path} "))]
    record, found = parsed(content)
    if record is None:
        return None, found
    wrong = unsound(record)
    # Without a sound protocol there is no place where the file should be.
    found += wrong or place(path, record, results)
    for check in OF_EVERY_RECORD + (OF_A_FINISHED_CELL if record.ok else ()):
        found += check(record)
    return (None if wrong else record), found
