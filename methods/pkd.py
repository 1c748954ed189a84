"""Patient knowledge distillation for BERT model compression."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from bench.method import Losses, Method, Outputs, Training, method
from methods.checks import check_positive, check_share
from methods.layers import depth, patient_loss, patient_projections
from methods.losses import kd_losses

MAPPINGS = {"skip": "uniform", "last": "top"}
"""The paper's names for g."""


@method("pkd")
class PatientDistillation(Method):
    """Patient knowledge distillation (Sun, Cheng, Gan & Liu, EMNLP 2019, eq. 6-8).

    The student follows the teacher's [CLS] state layer by layer, not its last output alone:
    loss = (1 − α) · CE + α · kd term + β · mean over (B, layers, D) of (l2norm(h_s) − l2norm(h_t))²,
    student layers m = 1..M−1 (the last excluded), teacher layers g(m): skip m·N'/M, last N' − M + m.

    Deviations: the KL is summed over classes where the authors' code averages; states are normalised, as in
    the paper and unlike the code's default. Images: stage ends 1..L−1, averaged over positions ([CLS] for
    vision transformers that have it), with the kd term of images. Bias-free projections where widths differ.
    """

    alpha: float = 0.9
    temperature: float = 4.0
    beta: float = 100.0
    mapping: str = "skip"

    repeats = True
    needs = frozenset({"teacher", "hidden"})
    text_defaults: ClassVar[dict[str, Any]] = {"alpha": 0.5, "temperature": 5.0}
    adapted = frozenset({"image"})

    def __post_init__(self) -> None:
        check_share(self, "alpha")
        check_positive(self, "temperature")
        if self.mapping not in MAPPINGS:
            raise ValueError(f"pkd: mapping {self.mapping!r} is none of {tuple(MAPPINGS)}")

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        if depth(student) < 2:
            return f"student has {depth(student)} layers; needs 2, since the last one is not compared"
        if self.mapping == "last" and depth(teacher) < depth(student):
            return f"teacher has {depth(teacher)} layers, student {depth(student)}; 'last' needs as many"
        return None

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, nn.Module]:
        return patient_projections(student, teacher, MAPPINGS[self.mapping])

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        patience = patient_loss(student, teacher, MAPPINGS[self.mapping], training.adapters)
        return {
            **kd_losses(student, teacher, labels, self.alpha, self.temperature),
            "pkd": self.beta * patience,
        }
