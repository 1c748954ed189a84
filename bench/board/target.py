"""The target τ: what the others must match.

The protocol, Time-to-match: τ(task, pair, protocol) = lower median over the target method's seeds of m at the end of
training, minus δ, from at least `target_seeds` seeds. It is stored with the seeds' values, the hash of the
configuration and a version. It does not depend on the hardware.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.board.group import Group, Row
from bench.board.statistics import lower_median
from bench.identity import key_of

RULE = 1
"""The version of the rule. Targets of different versions are not comparable."""


@dataclass(frozen=True)
class Target:
    """What a run must reach on `select`, in percent points, and where it comes from."""

    value: float
    row: Row
    by_seed: dict[int, float]
    """Seed → m at the end of training."""
    configuration: str
    """The hash of task, pair, protocol, precision, method, teacher and pretrained model."""


def target_of(group: Group) -> Target | str:
    """The target of a group, or why it has none."""
    protocol = group.cell.protocol
    name, needed = protocol["target"], protocol["target_seeds"]
    if not protocol["select"]:
        return "the protocol has no select split"
    row = group.row_of(name)
    ends = {} if row is None else {seed: entry.evaluations.final for seed, entry in row.by_seed.items()}
    values = {seed: value for seed, value in ends.items() if value is not None}
    if len(values) < needed:
        short = f" with {protocol['window']} evaluations" if len(values) < len(ends) else ""
        return f"{len(values)} of {needed} {name} seeds{short}"
    cell = group.cell
    return Target(
        value=lower_median(list(values.values())) - protocol["target_margin"],
        row=row,
        by_seed=values,
        configuration=key_of(
            {
                "rule": RULE,
                "task": cell.task.model_dump(),
                "pair": cell.pair.model_dump(),
                "protocol": cell.protocol,
                "precision": cell.arithmetic,
                "method": {"name": row.method, "version": row.version, "parameters": row.parameters},
                "teacher": group.teacher.sha256 if group.teacher else None,
                **({"pretrained": cell.pretrained} if cell.pretrained else {}),
            }
        ),
    )
