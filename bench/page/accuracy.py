"""The columns of the accuracy table: one run per seed, from any machine."""

from __future__ import annotations

from bench.board.accuracy import difference, failed
from bench.board.group import Group, Row
from bench.board.markdown import points
from bench.board.statistics import Summary, summarise
from bench.page.columns import NOTHING, Column, Figure

POINTS = "percent points"


def accuracy_columns(group: Group) -> list[Column[Row]]:
    """Test metric, at best select, paired differences to the controls, further metrics, failures."""
    metric = group.any_entries[0].record.metric
    further = list(
        dict.fromkeys(name for entry in group.entries for name in entry.record.result.test if name != metric)
    )
    controls = [(name, group.row_of(name)) for name in group.cell.protocol["controls"]]
    return [
        Column(
            "test",
            f"test {metric}",
            "The metric on the test split after the last epoch: mean ± 95% interval (seeds).",
            POINTS,
            lambda row: in_points(summarise(list(row.scores.values()))),
        ),
        Column(
            "selected",
            "at best select",
            "The metric on test after the epoch that was best on select; nothing is chosen on test.",
            POINTS,
            lambda row: in_points(_at_best_select(row)),
        ),
        *(_versus(name, row) for name, row in controls),
        *(_further(name) for name in further),
        Column(
            "failed",
            "failed",
            "Runs that failed; they are in no mean.",
            "runs",
            lambda row: Figure(failed(row), len(row.failures)),
        ),
    ]


def in_points(summary: Summary | None, signed: bool = False) -> Figure:
    """`71.20 ± 0.31 (5)`."""
    return NOTHING if summary is None else Figure(points(summary, signed), summary.mean)


def _versus(control: str, reference: Row | None) -> Column[Row]:
    return Column(
        f"versus-{control}",
        f"vs {control}",
        f"The difference to {control}, paired by seed: same teacher, initial weights, batches and augmentation.",
        POINTS,
        lambda row: in_points(difference(row, reference), signed=True),
    )


def _further(metric: str) -> Column[Row]:
    return Column(
        f"further-{metric}",
        f"test {metric}",
        "A further metric of the task on the test split after the last epoch.",
        POINTS,
        lambda row: in_points(_mean(row, metric)),
    )


def _mean(row: Row, metric: str) -> Summary | None:
    tests = [entry.record.result.test for entry in row.by_seed.values()]
    return summarise([test[metric] for test in tests if metric in test])


def _at_best_select(row: Row) -> Summary | None:
    records = [entry.record for entry in row.by_seed.values() if entry.record.result.test_selected]
    return summarise([record.result.test_selected[record.metric] for record in records])
