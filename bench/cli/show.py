"""`show`: one record for people, with the one command that makes the cell again."""

from __future__ import annotations

import argparse
import json

from bench.cli.options import add_results
from bench.printable import printable
from bench.protocol import at_share


def add_to(commands) -> None:
    parser = commands.add_parser("show", help="show one record, with the command that makes it again")
    parser.add_argument("cell", help="a record's file, or the first digits of its key")
    parser.add_argument("--json", action="store_true", help="the record as it is stored")
    add_results(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.store import Store

    path, record = Store(given.results).find(given.cell)
    # In ASCII: a record of somebody else may hold what moves a terminal's cursor.
    stored = json.dumps(record.model_dump(mode="json", by_alias=True), indent=1) + "\n"
    print(stored if given.json else describe(path, record), end="")
    return 0


def describe(path, record) -> str:
    """The record as lines of text."""
    cell = record.cell
    protocol = cell.protocol["name"] + at_share(cell.budget)
    lines = [
        f"{cell.method.name} · {cell.task.name} · {cell.pair} · {protocol} · seed {cell.seed}",
        f"record      {path}",
        f"key         {record.key}",
        f"status      {record.status}",
    ]
    if cell.method.parameters:
        lines.append("parameters  " + ", ".join(f"{name}={value}" for name, value in cell.method.parameters.items()))
    if record.ok:
        lines += finished(record)
    else:
        lines += ["", *record.reason.rstrip().split("\n"), ""]
    environment, origin = record.environment, record.provenance
    dirty = " with changes" if origin.dirty else ""
    lines += [
        f"machine     {record.machine} ({environment.get('threads')} threads, {cell.arithmetic})",
        f"made        {origin.started} at commit {origin.commit or 'unknown'}{dirty}",
        "versions    " + ", ".join(f"{name} {version}" for name, version in origin.versions.items()),
        f"again       {origin.command}",
    ]
    return "".join(f"{printable(line)}\n" for line in lines)


def finished(record) -> list[str]:
    """The lines that only a finished cell has."""
    result, cost, curve = record.result, record.cost, record.curve
    metrics = ", ".join(f"{name} {value:.2f}" for name, value in result.test.items())
    lines = [f"test        {metrics} (last epoch, {record.reports})"]
    if result.test_selected:
        chosen = result.test_selected[record.metric]
        epoch = "unknown" if result.selected_epoch is None else f"{result.selected_epoch:.2f}"
        lines.append(f"selected    {record.metric} {chosen:.2f} at epoch {epoch}, chosen on select")
    if record.teacher:
        teacher = record.teacher
        lines.append(f"teacher     {teacher.network}, test {teacher.test:.2f}, weights {teacher.sha256[:12]}")
    lines += [
        f"time        {cost.train_seconds:.1f} s training, {cost.warmup_seconds:.1f} s warm-up, "
        f"{cost.evaluation_seconds:.1f} s evaluation",
        f"work        {cost.steps} steps, {cost.samples} samples, {cost.train_flops:.3g} FLOPs",
        *([f"passes      {passes(cost.passes)}"] if cost.passes else []),
        f"parameters  {cost.parameters:,} and {cost.extra_parameters:,} more while training",
    ]
    if result.select is not None:
        lines.append("select      " + " ".join("–" if value is None else f"{value:.1f}" for value in curve.select))
    return lines


def passes(counted) -> str:
    """What was counted of each network and optimiser, in one line."""
    return "; ".join(
        f"{name} {each.forwards} forward, {each.backwards} backward, {each.updates} updates"
        for name, each in counted.items()
    )
