"""What is reached: the metric on test over seeds, differences paired by seed, ranks. From any machine."""

from __future__ import annotations

from collections import Counter

from bench.board.analysis import Analysis, on_test
from bench.board.bootstrap import SMALL, interval
from bench.board.exemplars import Votes
from bench.board.figures import decimal, mean, point, points, probability
from bench.board.group import Row
from bench.board.statistics import Summary, summarise
from bench.board.table import NONE, Column, Figure, Line, Table, alone


def accuracy(analysis: Analysis) -> Table:
    """Every method, and the teacher's own line."""
    group, metric = analysis.group, metric_of(analysis)
    further = list(
        dict.fromkeys(each for entry in group.entries for each in entry.record.result.test if each != metric)
    )
    compared = [
        column
        for control, _ in analysis.controls
        for column in (
            Column(f"vs {control}", "the difference over seeds that both have; bold: p below 0.05 after Holm"),
            Column(f"p vs {control}", "of the paired t-test, adjusted after Holm over all pairs of rows"),
        )
    ]
    columns = (
        Column(
            "rank",
            "1 + the number of methods that are significantly better; methods of one rank are not thereby equal",
        ),
        Column(
            f"test {metric}", "on test after the last epoch: mean ± 95% interval over seeds (seeds), percent points"
        ),
        Column("sd", "standard deviation over seeds"),
        Column("over items and seeds", f"95% bootstrap interval, for test sets under {SMALL:,} items"),
        Column("at best select", "on test after the epoch that was best on select; nothing is chosen on test"),
        *compared,
        Column("worst class", "the lowest accuracy of any class on test, mean over seeds"),
        *(Column(f"test {each}", "a further metric of the task") for each in further),
        Column("failed", "runs that ended in an error, out of memory or not finite: in no mean"),
    )
    lines = [
        Line(
            row,
            (
                rank(analysis, row),
                points(on_test(row)),
                mean([on_test(row) and on_test(row).deviation]),
                items_and_seeds(row, metric),
                points(_at_best_select(row)),
                *(figure for _, control in analysis.controls for figure in _against(analysis, row, control)),
                mean([entry.record.result.worst_class for entry in row.by_seed.values()]),
                *(points(_further(row, each)) for each in further),
                Figure(failed(row)),
            ),
        )
        for row in analysis.ordered
    ]
    cannot_fail = {"failed": Figure("")}
    constant = _constant(analysis)
    if constant is not None:
        lines.append(alone("most frequent class", columns, {f"test {metric}": point(constant), **cannot_fail}))
    if group.teacher:
        known = {metric: group.teacher.test, **group.teacher.further}
        shown = {f"test {name}": point(value) for name, value in known.items()}
        lines.insert(0, alone(f"teacher: {group.teacher.network}", columns, shown | cannot_fail))
    return Table("accuracy", "Accuracy", columns, tuple(lines)).without_empty_columns()


def rank(analysis: Analysis, row: Row) -> Figure:
    """Unknown for a provisional row."""
    place = analysis.comparisons.rank(row)
    return NONE if place is None else Figure(str(place), place)


def difference(analysis: Analysis, row: Row, control: Row | None) -> Figure:
    """To a control, paired by seed; strong if it is significant after Holm."""
    if control is None or control is row:
        return NONE
    whole = summarise(row.minus(control))
    return points(whole, signed=True, strong=analysis.comparisons.told_apart(row, control))


def items_and_seeds(row: Row, metric: str) -> Figure:
    """`66.1–71.9`; unknown where the metric is no mean over items, or the test set is not small."""
    votes = Votes.of(row) if metric == "accuracy" and 0 < _test_items(row) < SMALL else None
    if votes is None:
        return NONE
    low, high = interval(votes.correct)
    return Figure(f"{decimal(100 * low)}–{decimal(100 * high)}", 100 * low)


def failed(row: Row) -> str:
    """`2 failed (nan)`; empty if none did."""
    kinds = Counter(entry.record.status for entry in row.failures)
    if len(kinds) > 1:
        detail = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    else:
        detail = ", ".join(kinds)
    return f"{len(row.failures)} failed ({detail})" if row.failures else ""


def metric_of(analysis: Analysis) -> str:
    """The name of the primary metric."""
    return next(entry.record.metric for entry in analysis.group.any_entries)


def _against(analysis: Analysis, row: Row, control: Row | None) -> tuple[Figure, Figure]:
    if control is None or control is row:
        return NONE, NONE
    return difference(analysis, row, control), probability(analysis.comparisons.p(row, control))


def _at_best_select(row: Row) -> Summary | None:
    chosen = [entry.record for entry in row.by_seed.values() if entry.record.result.test_selected]
    return summarise([record.result.test_selected[record.metric] for record in chosen])


def _further(row: Row, metric: str) -> Summary | None:
    results = [entry.record.result.test for entry in row.by_seed.values()]
    return summarise([result[metric] for result in results if metric in result])


def _test_items(row: Row) -> int:
    return max((entry.record.test_items or 0 for entry in row.by_seed.values()), default=0)


def _constant(analysis: Analysis) -> float | None:
    """What the most frequent class of `fit` alone reaches on test."""
    metric = metric_of(analysis)
    results = [entry.record.result.most_frequent for entry in analysis.group.entries]
    return next((result[metric] for result in results if result and metric in result), None)
