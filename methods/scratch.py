"""The student alone."""

from __future__ import annotations

from torch import Tensor

from bench.method import Losses, Method, Outputs, Training, method
from methods.losses import task_loss


@method("scratch")
class Scratch(Method):
    """The control: the student trained without a teacher, loss = CE(labels, student).

    Deviations: none.
    """

    repeats = True

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        return {"task": task_loss(student.logits, labels)}
