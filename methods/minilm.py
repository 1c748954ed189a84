"""MiniLM: deep self-attention distillation."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from bench.method import Losses, Method, Outputs, Stage, Training, method
from methods.checks import check_positive, check_share
from methods.layers import unequal_heads, unequal_tokens
from methods.losses import kd_losses, relation_loss


@method("minilm")
class MiniLM(Method):
    """MiniLM (Wang et al., NeurIPS 2020, eq. 5-9).

    The student learns how the tokens of the teacher's last layer relate to each other:
    relations: loss = KL(softmax(QKᵀ/√d)_t ‖ ·_s) + KL(softmax(VVᵀ/√d)_t ‖ ·_s), each averaged over heads and
        real rows, each network with its own d. It uses no labels and gives no gradient to what follows the
        last layer's projections, hence a second stage.
    train: loss = (1 − α) · CE + α · kd term.

    Deviations: a fine-tuned teacher and the task's own inputs in place of pretraining; no teacher assistant.
    Vision transformers: all tokens, prefix included.
    """

    alpha: float = 0.9
    temperature: float = 4.0

    repeats = True
    text_defaults: ClassVar[dict[str, Any]] = {"alpha": 0.5, "temperature": 2.0}
    adapted = frozenset({"image"})

    def __post_init__(self) -> None:
        check_share(self, "alpha")
        check_positive(self, "temperature")

    def stages(self) -> tuple[Stage, ...]:
        relations = frozenset({"teacher", "qkv"})
        return (
            Stage("relations", share=1 / 2, needs=relations, trains_classifier=False),
            Stage("train", share=1 / 2, needs=frozenset({"teacher"})),
        )

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        return unequal_heads(student, teacher) or unequal_tokens(student, teacher)

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        if training.stage.name == "train":
            return kd_losses(student, teacher, labels, self.alpha, self.temperature)
        ours, theirs, mask = student.attention[-1], teacher.attention[-1], student.mask
        return {
            "attention": relation_loss((ours.queries, ours.keys), (theirs.queries, theirs.keys), mask),
            "values": relation_loss((ours.values, ours.values), (theirs.values, theirs.values), mask),
        }
