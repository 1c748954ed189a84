"""BERT learns to teach: knowledge distillation with meta learning."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bench.method import Batch, Losses, Method, Network, Outputs, Stage, Training, method
from methods.checks import check_positive, check_share
from methods.layers import depth, patient_loss, patient_projections
from methods.losses import kd_losses, task_loss

OPTIMISERS = ("sgd", "adamw")


@method("metadistil")
class MetaDistil(Method):
    """MetaDistil (Zhou, Xu & McAuley, ACL 2022, eq. 4-6, algorithm 2).

    The teacher learns to teach: a private copy φ of it follows the student's result on a quiz. In every step
    1. pilot: θ' = θ − s · ∇_θ L(θ, φ), one plain gradient step, kept in the graph;
    2. quiz: the gradient of CE(θ') on a quiz batch, through the pilot step, moves the teacher φ;
    3. the student's buffers are restored, and the real update takes the same batch with the new teacher.
    L = (1 − α) · CE + α · kd term, for text + β · PKD's term. The authors find α ≈ .5 and T = 2 best.

    Deviations: the kd term is the KL, where the authors' code for text takes the squared error. The quiz is a
    part of `fit` (their code takes the development set). The teacher is trained from the first step, at a
    constant rate, in eval mode; their code for images has rate 0 for 150 epochs, and a default of .05 where
    the paper says 1e-4 to 3e-4. Its optimiser is theirs: SGD, momentum .9, weight decay 5e-4 (AdamW without
    decay for text). The quiz sees the student in train mode.
    """

    alpha: float = 0.5
    temperature: float = 5.0
    beta: float = 0.0
    """The weight of PKD's term; 0 leaves it out."""
    teacher_rate: float = 1e-4
    teacher_optimiser: str = "sgd"
    pilot_rate: float = 0.0
    """s; 0: the student's learning rate at this step."""
    quiz: float = 0.1
    """The share of `fit` that is the quiz."""

    repeats = True
    relative_cost: ClassVar[float] = 7.0
    text_defaults: ClassVar[dict[str, Any]] = {
        "beta": 100.0,
        "teacher_rate": 1e-5,
        "teacher_optimiser": "adamw",
        "pilot_rate": 5e-5,
    }

    def __post_init__(self) -> None:
        check_share(self, "alpha")
        check_positive(self, "temperature")
        if self.teacher_optimiser not in OPTIMISERS:
            raise ValueError(f"metadistil: teacher_optimiser {self.teacher_optimiser!r} is none of {OPTIMISERS}")

        if not 0 < self.quiz < 1:
            raise ValueError(f"metadistil: quiz {self.quiz} is not a share of `fit`: expected between 0 and 1")

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("train", needs=frozenset({"teacher", "second_order"}) | self.observed()),)

    def quiz_share(self) -> float:
        return self.quiz

    def skip(self, student: Outputs, teacher: Outputs) -> str | None:
        if self.beta and depth(student) < 2:
            return f"student has {depth(student)} layers; needs 2, since PKD's term leaves out the last"
        return None

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, nn.Module]:
        return patient_projections(student, teacher, "uniform") if self.beta else {}

    def prepare(self, training: Training) -> None:
        teacher = training.networks["teacher"] = training.new_teacher()
        if self.teacher_optimiser == "sgd":
            optimiser = torch.optim.SGD(weights(teacher), self.teacher_rate, momentum=0.9, weight_decay=5e-4)
        else:
            optimiser = torch.optim.AdamW(
                weights(teacher), self.teacher_rate, weight_decay=0.0, capturable=weights(teacher)[0].is_cuda
            )
        training.optimisers["teacher"] = optimiser

    def step(self, training: Training, batch: Batch) -> None:
        student, teacher = training.student, training.networks["teacher"]
        buffers = {name: buffer.clone() for name, buffer in student.named_buffers()}

        self.teach(training, batch)

        with torch.no_grad():
            for name, buffer in student.named_buffers():
                buffer.copy_(buffers[name])
            lesson = teacher(batch.inputs, self.observed())
        training.update(self.losses(student(batch.inputs, self.observed()), lesson, batch.labels, training))

    def teach(self, training: Training, batch: Batch) -> None:
        """Pilot, quiz and the teacher's step."""
        quiz, optimiser = training.quiz(), training.optimisers["teacher"]
        teacher_weights = weights(training.networks["teacher"])
        gradients = torch.autograd.grad(self.quiz_loss(training, batch, quiz), teacher_weights, materialize_grads=True)
        for weight, gradient in zip(teacher_weights, gradients, strict=True):
            weight.grad = gradient
        optimiser.step()
        optimiser.zero_grad()

    def quiz_loss(self, training: Training, batch: Batch, quiz: Batch) -> Tensor:
        """The quiz's CE of the pilot student, as a function of the teacher's weights."""
        student, teacher = training.student, training.networks["teacher"]
        # Only this forward is differentiated twice: the others keep the faster attention kernels.
        pilot_outputs = student(batch.inputs, self.observed() | {"second_order"})
        losses = self.losses(pilot_outputs, teacher(batch.inputs, self.observed()), batch.labels, training)
        names, parameters = zip(*student.named_parameters(), strict=True)
        gradients = torch.autograd.grad(sum(losses.values()), parameters, create_graph=True, materialize_grads=True)
        rate = self.pilot_rate or training.learning_rate
        steps = zip(names, parameters, gradients, strict=True)
        pilot = {name: parameter - rate * gradient for name, parameter, gradient in steps}
        return task_loss(functional_call(student, pilot, (quiz.inputs,)).logits, quiz.labels)

    def losses(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        """What the student minimises, in the pilot step and in the real one."""
        losses = kd_losses(student, teacher, labels, self.alpha, self.temperature)
        if self.beta:
            losses["pkd"] = self.beta * patient_loss(student, teacher, "uniform", training.adapters)
        return losses

    def observed(self) -> frozenset[str]:
        """What both networks give beside their logits."""
        return frozenset({"hidden"}) if self.beta else frozenset()


def weights(network: Network) -> list[Tensor]:
    """The parameters of a network."""
    return [parameter for _, parameter in network.named_parameters()]
