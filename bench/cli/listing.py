"""`list`: the methods, tasks, pairs or protocols there are. Imports no torch."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.cli.options import add_plugins
from bench.errors import blamed


def add_to(commands) -> None:
    parser = commands.add_parser("list", help="list methods, tasks, pairs or protocols")
    parser.add_argument("kind", choices=("methods", "tasks", "pairs", "protocols"))
    parser.add_argument("--json", action="store_true", help="for scripts")
    add_plugins(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from bench.registry import Registry

    rows = ROWS[given.kind](Registry(given.plugin))
    if given.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    from tabulate import tabulate

    shown = [{name: text(value) for name, value in row.items() if not isinstance(value, dict)} for row in rows]
    print(tabulate(shown, headers="keys", tablefmt="plain"))
    return 0


def plugins(kind: str, registry) -> list[dict[str, Any]]:
    return [{"name": each.name, "summary": each.summary, "origin": each.origin} for each in registry.plugins(kind)]


def tasks(registry) -> list[dict[str, Any]]:
    from bench.registry import path_tasks

    of_paths = [
        {"name": f"{kind}:PATH", "summary": summary, "origin": "built in"} for kind, summary in path_tasks().items()
    ]
    return plugins("tasks", registry) + of_paths


def pairs(registry) -> list[dict[str, Any]]:
    rows = []
    for plugin in registry.plugins("tasks"):
        task = registry.task(plugin.name)
        with blamed(f"task {plugin.name!r}"):
            rows += [
                {"task": task.name, "pair": str(pair), "default": pair in task.default_pairs} for pair in task.pairs
            ]
    return rows


def protocols(registry) -> list[dict[str, Any]]:
    rows = []
    for plugin in registry.plugins("tasks"):
        task = registry.task(plugin.name)
        with blamed(f"task {plugin.name!r}"):
            rows += [
                {
                    "task": task.name,
                    "protocol": protocol.name,
                    "default": protocol.name == task.default_protocol,
                    "epochs": protocol.student.epochs,
                    "teacher epochs": protocol.teacher.epochs,
                    "fit items": protocol.fit_items or "all",
                    "evaluations": protocol.evaluations,
                    "content": protocol.as_dict(),
                }
                for protocol in task.protocols.values()
            ]
    return rows


def text(value: Any) -> str:
    """A table's cell."""
    return {True: "yes", False: ""}[value] if isinstance(value, bool) else str(value)


ROWS = {
    "methods": lambda registry: plugins("methods", registry),
    "tasks": tasks,
    "pairs": pairs,
    "protocols": protocols,
}
