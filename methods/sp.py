"""Similarity-preserving knowledge distillation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from bench.method import Losses, Method, Outputs, Training, method
from methods.layers import is_image
from methods.losses import task_loss


@method("sp")
class SimilarityPreserving(Method):
    """Similarity-preserving distillation (Tung & Mori, ICCV 2019, eq. 2-5).

    Two inputs that look alike to the teacher should look alike to the student: G = f fᵀ with rows scaled to
    unit length, (B, B), f the last stage before pooling, flattened; loss = CE + β · ‖G_s − G_t‖²_F / B².

    Deviations: vision transformers: all tokens of the last layer, flattened. Text, where the number of tokens
    varies: f is [CLS] of the last layer.
    """

    weight: float = 3000.0

    repeats = True
    needs = frozenset({"teacher", "hidden"})
    adapted = frozenset({"text"})

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        gap = similarity(student) - similarity(teacher)
        return {"task": task_loss(student.logits, labels), "sp": self.weight * gap.square().mean()}


def similarity(outputs: Outputs) -> Tensor:
    """(B, B): row i says how alike the other inputs are to input i."""
    last = outputs.hidden[-1]
    features = last.flatten(1) if is_image(outputs) else last[:, 0]
    return F.normalize(features @ features.T, dim=1)
