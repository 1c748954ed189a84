"""Distilling the knowledge in a neural network."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from bench.method import Losses, Method, Outputs, Training, method
from methods.checks import check_positive, check_share
from methods.losses import kd_losses


@method("kd")
class KnowledgeDistillation(Method):
    """Knowledge distillation (Hinton, Vinyals & Dean, NIPS deep learning workshop 2014, section 2).

    The student learns the teacher's softened distribution beside the labels:
    loss = (1 − α) · CE + α · T² · Σ_C KL(softmax(t/T) ‖ softmax(s/T)), mean over the batch.
    T² keeps the size of the soft gradients independent of T.

    Deviations: the KL in place of the cross-entropy with soft targets; they differ by the teacher's entropy,
    which is constant. On a regression, which has one logit, the soft term is the mean squared error.
    """

    alpha: float = 0.9
    temperature: float = 4.0

    repeats = True
    needs = frozenset({"teacher"})
    text_defaults: ClassVar[dict[str, Any]] = {"alpha": 0.5, "temperature": 2.0}

    def __post_init__(self) -> None:
        check_share(self, "alpha")
        check_positive(self, "temperature")

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        return kd_losses(student, teacher, labels, self.alpha, self.temperature)
