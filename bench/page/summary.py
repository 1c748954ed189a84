"""All groups → the first view: the answer by task, and figures over tasks."""

from __future__ import annotations

from typing import Any

from bench.board.analysis import Analysis
from bench.board.board import Board
from bench.board.over_tasks import OverTasks, over_tasks, summary
from bench.board.plots import profile_plot
from bench.board.tables.leaders import by_protocol, leaders, lines_of
from bench.page.content import overview
from bench.page.links import Links
from bench.page.tables import table_data


def summary_data(board: Board) -> dict[str, Any]:
    """The list of groups, the leaders of each protocol on each machine, and what holds over tasks."""
    return {
        "records": len({(entry.record.machine, entry.record.key) for each in board.analyses for entry in each.runs}),
        "groups": [overview(analysis) for analysis in board.analyses],
        "leaders": [_leaders(*each) for each in by_protocol(board)],
        "overTasks": [_over_tasks(over) for over in over_tasks(board) if len(over.methods) > 1],
    }


def _leaders(protocol: str, machine: str, analyses: list[Analysis]) -> dict[str, Any]:
    """Every line leads to its group."""
    table = table_data(leaders(analyses, machine))
    owners = [Links(analysis.group).group for analysis in analyses for _ in lines_of(analysis, machine)]
    lines = [{**line, "group": owner} for line, owner in zip(table["lines"], owners, strict=True)]
    return {"protocol": protocol, "table": {**table, "lines": lines}}


def _over_tasks(over: OverTasks) -> dict[str, Any]:
    profile = over.profile and profile_plot(over.profile, "", "").data
    return {
        "protocol": over.protocol,
        "table": table_data(summary(over)),
        "profile": profile and {"most": profile["most"], "rows": profile["rows"]},
    }
