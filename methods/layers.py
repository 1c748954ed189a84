"""Which layers two networks are compared at, and how their shapes are brought together.

Layers are numbered as in `Outputs.hidden`: 0 is the stem or the embedding, 1..L the stages or layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from bench.method import Outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

MAPPINGS = ("uniform", "top", "bottom")


def depth(outputs: Outputs) -> int:
    """The number of stages or layers, without the stem or the embedding."""
    return len(outputs.hidden) - 1


def widths(outputs: Outputs) -> list[int]:
    """The width of every element of `hidden`."""
    return [hidden.shape[2] for hidden in outputs.hidden]


def teacher_layer(layer: int, student_depth: int, teacher_depth: int, mapping: str = "uniform") -> int:
    """g(m), the teacher's layer for the student's layer m; g(0) = 0.

    uniform: m·N'/M, rounded up where it is not an integer. top: N' − M + m. bottom: m.
    """
    if layer == 0 or mapping == "bottom":
        return layer
    if mapping == "top":
        return teacher_depth - student_depth + layer
    if mapping == "uniform":
        return -(-layer * teacher_depth // student_depth)
    raise ValueError(f"mapping {mapping!r} is none of {MAPPINGS}")


def middle(outputs: Outputs) -> int:
    """The middle stage or layer: 2 of 3, 2 of 4, 3 of 6, 6 of 12."""
    return (depth(outputs) + 1) // 2


def is_image(outputs: Outputs) -> bool:
    """Whether the elements of `hidden` lie on grids."""
    return any(outputs.grids)


def is_transformer(outputs: Outputs) -> bool:
    """Whether all layers have the same tokens: a (vision) transformer, not a network of shrinking maps."""
    return len(set(outputs.grids)) <= 1


def as_map(outputs: Outputs, layer: int) -> Tensor:
    """The layer as (B, D, H, W), without prefix tokens. Images only."""
    tokens = outputs.hidden[layer][:, outputs.prefix :]
    return tokens.transpose(1, 2).unflatten(2, outputs.grids[layer])


def pooled_alike(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps (B, ·, H, W); the larger is average-pooled to the size of the smaller."""
    height, width = min(a.shape[2], b.shape[2]), min(a.shape[3], b.shape[3])
    return _pooled(a, height, width), _pooled(b, height, width)


def _pooled(x: Tensor, height: int, width: int) -> Tensor:
    return x if x.shape[2:] == (height, width) else F.adaptive_avg_pool2d(x, (height, width))


def summary(outputs: Outputs, layer: int) -> Tensor:
    """(B, D), what stands for the whole input: [CLS] where there is one, else the mean over positions."""
    if outputs.prefix or not is_image(outputs):
        return outputs.hidden[layer][:, 0]
    return outputs.hidden[layer].mean(dim=1)


def patient_layers(student: Outputs, teacher: Outputs, mapping: str) -> list[tuple[int, int]]:
    """The pairs (m, g(m)) of patient distillation: m = 1..M−1, the last layer excluded."""
    last = depth(student)
    return [(m, teacher_layer(m, last, depth(teacher), mapping)) for m in range(1, last)]


def patient_projections(student: Outputs, teacher: Outputs, mapping: str) -> dict[str, nn.Module]:
    """A bias-free projection to the teacher's width for every mapped layer whose widths differ."""
    ours, theirs, pairs = widths(student), widths(teacher), patient_layers(student, teacher, mapping)
    return {f"layer{m}": nn.Linear(ours[m], theirs[g], bias=False) for m, g in pairs if ours[m] != theirs[g]}


def patient_loss(student: Outputs, teacher: Outputs, mapping: str, projections: Mapping[str, nn.Module]) -> Tensor:
    """Mean over (B, layers, D) of (l2norm(h_s) − l2norm(h_t))² on the summaries of the mapped layers."""
    pairs = patient_layers(student, teacher, mapping)
    total = 0.0
    for m, g in pairs:
        ours, theirs = summary(student, m), summary(teacher, g)
        if f"layer{m}" in projections:
            ours = projections[f"layer{m}"](ours)
        total = total + F.mse_loss(F.normalize(ours, dim=1), F.normalize(theirs, dim=1))
    return total / len(pairs)


def unequal_tokens(student: Outputs, teacher: Outputs) -> str | None:
    """Why the tokens of two transformers cannot be compared one by one, or None."""
    ours, theirs = student.grids[-1:], teacher.grids[-1:]
    if ours != theirs or student.prefix != teacher.prefix:
        return (
            f"teacher has a grid of {theirs[0]} with {teacher.prefix} prefix tokens, student {ours[0]} with "
            f"{student.prefix}; needs equal tokens"
        )
    return None


def unequal_heads(student: Outputs, teacher: Outputs) -> str | None:
    """Why the heads of two transformers cannot be compared one by one, or None."""
    ours, theirs = ({layer.queries.shape[1] for layer in outputs.attention} for outputs in (student, teacher))
    if ours != theirs or len(ours) != 1:
        return f"teacher has {_listed(theirs)} heads, student {_listed(ours)}; needs equal heads"
    return None


def _listed(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "no"
