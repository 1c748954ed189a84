"""A gift from knowledge distillation: the flow of the solution procedure."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from bench.method import Losses, Method, Outputs, Stage, Training, method
from methods.layers import as_map, depth, is_image, is_transformer, pooled_alike, teacher_layer, widths
from methods.losses import task_loss


@method("fsp")
class FlowOfSolutionProcedure(Method):
    """Flow of the solution procedure (Yim, Joo, Bae & Kim, CVPR 2017, eq. 1-2).

    How features change from one stage to the next is what the student learns first:
    G = f_aᵀ f_b / (H·W) for consecutive stage ends a, b, the stem included.
    flow: loss = Σ_pairs mean (G_s − G_t)² over the entries. train: CE alone, without the teacher.
    `on_top`: the first stage comes on top of the budget (1/8 of it), as in the published CIFAR tables.

    Deviations: maps of different size: the larger is average-pooled, as public implementations do. The pairs
    have equal weights. Transformers: consecutive mapped layers, the embedding included; tokens of the grid
    for images, real tokens for text: H_aᵀ H_b / N_valid.
    """

    on_top: bool = False

    repeats = True
    adapted = frozenset({"text"})

    def stages(self) -> tuple[Stage, ...]:
        needs = frozenset({"teacher", "hidden"})
        return (
            Stage("flow", share=1 / 8, needs=needs, trains_classifier=False, extra=self.on_top),
            Stage("train", share=1.0 if self.on_top else 7 / 8),
        )

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        transformers = is_transformer(student) and is_transformer(teacher)
        if not transformers and depth(student) != depth(teacher):
            return f"teacher has {depth(teacher)} stages, student {depth(student)}; needs equal stages"
        theirs = [widths(teacher)[g] for g in mapped_layers(student, teacher)]
        if theirs != widths(student):
            return f"teacher has channels {theirs}, student {widths(student)}; needs equal channels"
        return None

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        if training.stage.name == "train":
            return {"task": task_loss(student.logits, labels)}
        layers = mapped_layers(student, teacher)
        gaps = [
            F.mse_loss(flow(student, m, m + 1), flow(teacher, layers[m], layers[m + 1])) for m in range(depth(student))
        ]
        return {"fsp": sum(gaps)}


def mapped_layers(student: Outputs, teacher: Outputs) -> list[int]:
    """The teacher's layer for every layer of the student, the stem or the embedding first."""
    return [teacher_layer(m, depth(student), depth(teacher)) for m in range(depth(student) + 1)]


def flow(outputs: Outputs, a: int, b: int) -> Tensor:
    """G = f_aᵀ f_b / (H·W), (B, D_a, D_b)."""
    if is_image(outputs):
        first, second = (maps.flatten(2) for maps in pooled_alike(as_map(outputs, a), as_map(outputs, b)))
        return first @ second.transpose(1, 2) / first.shape[2]
    first, second = outputs.hidden[a].transpose(1, 2), outputs.hidden[b]
    if outputs.mask is None:
        return first @ second / second.shape[1]
    return first @ (second * outputs.mask[:, :, None]) / outputs.mask.sum(dim=1)[:, None, None]
