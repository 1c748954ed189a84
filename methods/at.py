"""Paying more attention to attention."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.method import Batch, Losses, Method, Outputs, Stage, Training, method
from methods.layers import as_map, depth, is_image, pooled_alike, teacher_layer, unequal_tokens
from methods.losses import attention_received, task_loss, token_mean

FORMS = ("code", "paper", "gradient", "received")


@method("at")
class AttentionTransfer(Method):
    """Attention transfer (Zagoruyko & Komodakis, ICLR 2017, eq. 2 and 5).

    The student looks where the teacher looks. F = l2norm(mean_c x²) over the positions of each stage 1..L,
    the stem left out; loss = CE + β · Σ_stages distance(F_s, F_t).
    code: the mean of (F_s − F_t)², as in the authors' code. The default, since published tables use it.
    paper: eq. 2, ‖F_s − F_t‖₂ / 2, β divided by the number of positions as the paper says.
    gradient: x is the gradient of CE with respect to the image, one map; distance as in `code`.
    received: the default for text, where the energy of a hidden state behind a layer norm is constant: the
        attention probability that a token receives, mean over heads and real queries, then l2norm.

    Deviations: `gradient` compares normalised energies, not raw gradients as eq. 5. Vision transformers: the
    energy of the tokens of the grid. Layers are mapped uniformly, larger maps are average-pooled.
    """

    form: str = "code"
    weight: float = 1000.0

    repeats = True
    text_defaults: ClassVar[dict[str, Any]] = {"form": "received"}
    adapted = frozenset({"text"})

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"at: form {self.form!r} is none of {FORMS}")

    def stages(self) -> tuple[Stage, ...]:
        seen = {"gradient": {"second_order"}, "received": {"qkv"}}.get(self.form, {"hidden"})
        return (Stage("train", needs=frozenset({"teacher"} | seen)),)

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        if self.form != "received" and not is_image(student):
            return f"form {self.form!r} is for images; text needs form 'received'"
        return unequal_tokens(student, teacher) if self.form == "received" else None

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        compare = self.received if self.form == "received" else self.activation
        attention = compare(student, teacher)
        return {"task": task_loss(student.logits, labels), "at": self.weight * attention}

    def step(self, training: Training, batch: Batch) -> None:
        if self.form != "gradient":
            return super().step(training, batch)
        images = batch.inputs.detach().requires_grad_()
        batch = Batch(images, batch.labels)
        task = task_loss(training.observe_student(batch).logits, batch.labels)
        # Asked directly, so that the teacher's graph starts at these very images.
        teacher_task = task_loss(training.teacher(images).logits, batch.labels)
        (ours,) = torch.autograd.grad(task, images, create_graph=True)
        (theirs,) = torch.autograd.grad(teacher_task, images)
        gap = energy(of_unit_length(ours)) - energy(of_unit_length(theirs))
        return training.update({"task": task, "at": self.weight * gap.square().mean()})

    def activation(self, student: Outputs, teacher: Outputs) -> Tensor:
        """Σ over the stages of the distance between the energies of the maps."""
        total = 0.0
        for m in range(1, depth(student) + 1):
            g = teacher_layer(m, depth(student), depth(teacher))
            ours, theirs = pooled_alike(as_map(student, m), as_map(teacher, g))
            gap = energy(ours) - energy(theirs)
            if self.form == "code":
                total = total + gap.square().mean()
            else:
                total = total + gap.norm(dim=1).mean() / (2 * gap.shape[1])
        return total

    def received(self, student: Outputs, teacher: Outputs) -> Tensor:
        """Σ over the layers of the distance between the attention that the tokens receive."""
        total = 0.0
        for m, ours in enumerate(student.attention, start=1):
            theirs = teacher.attention[teacher_layer(m, len(student.attention), len(teacher.attention)) - 1]
            ours, theirs = (F.normalize(attention_received(x, student.mask), dim=1) for x in (ours, theirs))
            total = total + token_mean((ours - theirs).square().unsqueeze(2), student.mask)
        return total


def energy(maps: Tensor) -> Tensor:
    """l2norm(mean_c x²): (B, D, H, W) → (B, H·W), of unit length."""
    return F.normalize(maps.square().mean(dim=1).flatten(1), dim=1)


def of_unit_length(gradients: Tensor) -> Tensor:
    """Gradients of length 1 for each image: a sure teacher has such small ones that their squares vanish."""
    return F.normalize(gradients.flatten(1), dim=1, eps=1e-18).view_as(gradients)
