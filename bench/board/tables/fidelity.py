"""How a student follows its teacher, how well its confidence is meant, and which items compression changed."""

from __future__ import annotations

from bench.board.analysis import Analysis
from bench.board.exemplars import Votes, exemplars
from bench.board.figures import count, mean, point
from bench.board.group import Row
from bench.board.table import NONE, Column, Figure, Line, Table
from bench.record import Calibration, Fidelity

FIDELITY = {
    "agreement": Column("agreement", "share of test items to which student and teacher give the same class"),
    "agreement_teacher_right": Column("… teacher right", "the same among items that the teacher gets right"),
    "agreement_teacher_wrong": Column("… teacher wrong", "the same among items that the teacher gets wrong"),
    "kl": Column("KL", "mean KL(teacher ‖ student) at temperature 1, nats"),
    "confidence_teacher_wrong": Column(
        "confidence", "of the student where the teacher is wrong, its mean largest probability, percent"
    ),
}
CALIBRATION = {
    "ece": Column("ECE", "expected calibration error, 15 bins of equal width, percent points"),
    "nll": Column("NLL", "negative log-likelihood of the labels, nats"),
    "brier": Column("Brier", "Brier score summed over classes, 0 to 2"),
}
PERCENT = (*(name for name in FIDELITY if name != "kl"), "ece")


def fidelity(analysis: Analysis) -> Table:
    """Means over seeds on test, and the compression-identified exemplars."""
    label, reference = analysis.plain
    columns = (
        Column("seeds", "over which the others are means"),
        *FIDELITY.values(),
        *CALIBRATION.values(),
        Column("changed items", f"test items whose most frequent label over seeds differs from that of {label}'s"),
        Column("accuracy there", "of the method's students on these items"),
        Column(f"{label}'s there", f"of {label}'s students on these items"),
    )
    references = reference and Votes.of(reference)
    lines = []
    for row in analysis.ordered:
        records = [entry.record for entry in row.by_seed.values()]
        figures = [_mean([record.fidelity for record in records], name) for name in FIDELITY]
        figures += [_mean([record.calibration for record in records], name) for name in CALIBRATION]
        figures.insert(0, count(len(records)))
        lines.append(Line(row, (*figures, *_exemplars(row, None if row is reference else references))))
    return Table("fidelity", "Fidelity, calibration, changed items", columns, tuple(lines)).without_empty_columns()


def _mean(parts: list[Fidelity | Calibration | None], name: str) -> Figure:
    values = [getattr(part, name) for part in parts if part]
    return mean(values, 2 if name in PERCENT else 3)


def _exemplars(row: Row, references: Votes | None) -> tuple[Figure, Figure, Figure]:
    enough = references is not None and not row.provisional
    found = exemplars(Votes.of(row), references) if enough else None
    if found is None:
        return NONE, NONE, NONE
    share = f"{found.count:,} of {found.items:,}"
    return Figure(share, found.count), point(found.accuracy), point(found.reference_accuracy)
