"""The target τ: what the others must match.

The protocol, Time-to-match: τ(task, pair, protocol) = lower median over the target method's seeds of m at the end of
training, minus δ, from at least `target_seeds` seeds. It is stored with the seeds' values, the hash of the
configuration and a version (`bench.board.stored_targets`). It does not depend on the hardware.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.board.group import Group, Row
from bench.board.statistics import lower_median, summarise
from bench.identity import key_of

RULE = 1
"""The version of the rule. Targets of different versions are not comparable."""


@dataclass(frozen=True)
class Target:
    """What a run must reach on `select`, in percent points, and where it comes from."""

    row: Row
    by_seed: dict[int, float]
    """Seed → m at the end of training."""
    best_by_seed: dict[int, float]
    """Seed → the best single evaluation."""
    margin: float
    """δ, in points."""
    made_of: dict[str, Any]
    """The configuration: rule, task, pair, protocol, precision, method, teacher and pretrained model."""

    @cached_property
    def value(self) -> float:
        """τ."""
        return lower_median(list(self.by_seed.values())) - self.margin

    @cached_property
    def best(self) -> float:
        """The target of `match_best`: the median of the best single evaluations."""
        return lower_median(list(self.best_by_seed.values()))

    @property
    def deviation(self) -> float | None:
        """The standard deviation of m at the end over seeds, in points: the larger, the more a match is luck.

        None for one seed.
        """
        return summarise(list(self.by_seed.values())).deviation

    @cached_property
    def configuration(self) -> str:
        """The hash of the configuration."""
        return key_of(self.made_of)

    @cached_property
    def content(self) -> dict[str, Any]:
        """What is stored: changing anything in it makes a new version."""
        return {
            "rule": RULE,
            "configuration": self.configuration,
            "made_of": self.made_of,
            "margin": self.margin,
            "by_seed": {str(seed): value for seed, value in self.by_seed.items()},
            "best_by_seed": {str(seed): value for seed, value in self.best_by_seed.items()},
            "value": self.value,
            "best": self.best,
        }


def target_of(group: Group, method: str) -> Target | str:
    """The target that a method's runs set in a group, or why they set none."""
    protocol = group.cell.protocol
    needed = protocol["target_seeds"]
    if not protocol["select"]:
        return "the protocol has no select split"
    row = group.row_of(method)
    runs = {} if row is None else {seed: entry.evaluations for seed, entry in row.by_seed.items()}
    ends = {seed: each.final for seed, each in runs.items() if each.final is not None}
    if len(ends) < needed:
        short = f" with {protocol['window']} evaluations" if len(ends) < len(runs) else ""
        return f"{len(ends)} of {needed} {method} seeds{short}"
    return Target(
        row=row,
        by_seed=ends,
        best_by_seed={seed: runs[seed].best for seed in ends},
        margin=protocol["target_margin"],
        made_of=_made_of(group, row),
    )


def _made_of(group: Group, row: Row) -> dict[str, Any]:
    cell = group.cell
    return {
        "rule": RULE,
        "task": cell.task.model_dump(),
        "pair": cell.pair.model_dump(),
        "protocol": cell.protocol,
        "precision": cell.arithmetic,
        "method": {"name": row.method, "version": row.version, "parameters": json.loads(row.parameters)},
        "teacher": group.teacher.sha256 if group.teacher else None,
        **({"pretrained": cell.pretrained} if cell.pretrained else {}),
        **({"budget": cell.budget} if cell.budget != 1 else {}),
    }
