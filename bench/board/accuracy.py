"""The accuracy table of a group: the teacher's row, then one row a method. One run per seed, from any machine."""

from __future__ import annotations

from collections import Counter

from bench.board.group import SEEDS_FOR_ORDER, Group, Row
from bench.board.markdown import UNKNOWN, escape, point, points, table
from bench.board.statistics import Summary, paired_difference, summarise


def accuracy_table(group: Group) -> str:
    """Test metric, the one at the epoch that was best on select, paired differences to the controls, failures.

    The task's further metrics stand beside it.
    """
    controls = [(name, group.row_of(name)) for name in group.cell.protocol["controls"]]
    metric = next(entry.record.metric for entry in group.any_entries)
    further = list(
        dict.fromkeys(each for entry in group.entries for each in entry.record.result.test if each != metric)
    )
    head = [
        "Method",
        f"test {escape(metric)}",
        "at best select",
        *(f"vs {escape(control)}" for control, _ in controls),
        *(f"test {escape(each)}" for each in further),
    ]
    teacher = [] if group.teacher is None else [_teacher(group, 1 + len(controls), further)]
    rows = [
        [
            name(row),
            points(summarise(list(row.scores.values()))),
            points(_at_best_select(row)),
            *(points(difference(row, control), signed=True) for _, control in controls),
            *(points(_mean(row, each)) for each in further),
            failed(row),
        ]
        for row in ordered(group)
    ]
    return table([*head, "failed"], [*teacher, *rows])


def ordered(group: Group) -> list[Row]:
    """By mean, highest first; provisional rows below, by name, since they claim no order."""
    return sorted(
        group.rows,
        key=lambda row: (
            row.provisional,
            0.0 if row.provisional else -summarise(list(row.scores.values())).mean,
            row.label,
        ),
    )


def name(row: Row, seeds: int | None = None) -> str:
    """The row's label with its marks: † adapted, * provisional. seeds: how many a table shows, if not all."""
    method, bracket, parameters = row.label.partition("[")
    # Only the brackets are ours; nothing follows them that would make a link.
    label = escape(method) + (f"[{escape(parameters[:-1])}]" if bracket else "")
    provisional = (len(row.by_seed) if seeds is None else seeds) < SEEDS_FOR_ORDER
    return label + ("†" if row.adapted else "") + (r"\*" if provisional else "")


def difference(row: Row, control: Row | None) -> Summary | None:
    """Paired by seed, in percent points; none for the control itself."""
    if control is None or control is row:
        return None
    return paired_difference(row.scores, control.scores)


def failed(row: Row) -> str:
    """`2 failed (nan)`; empty if none did."""
    kinds = Counter(entry.record.status for entry in row.failures)
    if len(kinds) > 1:
        detail = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    else:
        detail = ", ".join(kinds)
    return f"{len(row.failures)} failed ({detail})" if row.failures else ""


def _mean(row: Row, metric: str) -> Summary | None:
    """Of a metric on test at the last epoch."""
    return summarise(
        [each.record.result.test[metric] for each in row.by_seed.values() if metric in each.record.result.test]
    )


def _at_best_select(row: Row) -> Summary | None:
    chosen = [entry.record for entry in row.by_seed.values() if entry.record.result.test_selected]
    return summarise([record.result.test_selected[record.metric] for record in chosen])


def _teacher(group: Group, unknown: int, further: list[str]) -> list[str]:
    """unknown: how many columns follow its metric that a teacher has nothing for."""
    teacher = group.teacher
    shown = [point(teacher.further.get(each)) for each in further]
    return [f"teacher: {escape(teacher.network)}", point(teacher.test), *[UNKNOWN] * unknown, *shown, ""]
