"""FitNets: hints for thin deep nets."""

from __future__ import annotations

from torch import Tensor, nn

from bench.method import Losses, Method, Outputs, Stage, Training, method
from methods.checks import check_positive
from methods.layers import as_map, is_image, is_transformer, middle, pooled_alike, widths
from methods.losses import soft_cross_entropy, task_loss, token_mean


@method("fitnets")
class FitNets(Method):
    """Hints for thin deep nets (Romero et al., ICLR 2015, eq. 3-5, algorithm 1).

    hints: loss = weight · mean (r(h_s) − h_t)², h the middle stage or layer, r a trainable regressor. The
        loss does not reach what lies behind the student's middle layer: its weights stay as they are.
    distil: loss = CE + λ · soft cross-entropy at τ = 3 without T², λ falling from 4 to 1 linearly.
    `single_stage`: loss = CE + weight · mean (r(h_s) − h_t)² throughout, as in the published CIFAR tables.

    r for convolutional teachers: 1x1 convolution, batch norm, ReLU. For vision transformers: on the tokens of
    the grid, a 1x1 convolution alone, since their residual stream has both signs. For text: a linear layer
    on each token.

    Deviations: the mean squared error instead of half of the sum, times `weight`, so that the protocol's
    learning rate suits every width and map size. Maps of different size: the larger is average-pooled.
    """

    single_stage: bool = False
    weight: float = 100.0
    temperature: float = 3.0
    first_soft_weight: float = 4.0
    last_soft_weight: float = 1.0

    repeats = True
    adapted = frozenset({"text"})

    def __post_init__(self) -> None:
        check_positive(self, "temperature")

    def stages(self) -> tuple[Stage, ...]:
        hints = frozenset({"teacher", "hidden"})
        if self.single_stage:
            return (Stage("joint", needs=hints),)
        return (
            Stage("hints", share=1 / 6, needs=hints, trains_classifier=False),
            Stage("distil", share=5 / 6, needs=frozenset({"teacher"})),
        )

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, nn.Module]:
        ours, theirs = widths(student)[middle(student)], widths(teacher)[middle(teacher)]
        if not is_image(teacher):
            return {"regressor": nn.Linear(ours, theirs)}
        if is_transformer(teacher):
            return {"regressor": nn.Conv2d(ours, theirs, 1)}
        convolution = nn.Conv2d(ours, theirs, 1, bias=False)
        return {"regressor": nn.Sequential(convolution, nn.BatchNorm2d(theirs), nn.ReLU())}

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> Losses:
        if training.stage.name == "hints":
            return {"hint": self.hint(student, teacher, training.adapters["regressor"])}
        task = task_loss(student.logits, labels)
        if training.stage.name == "joint":
            return {"task": task, "hint": self.hint(student, teacher, training.adapters["regressor"])}
        fall = (self.first_soft_weight - self.last_soft_weight) * training.progress
        soft = soft_cross_entropy(student.logits, teacher.logits, self.temperature)
        return {"task": task, "soft": (self.first_soft_weight - fall) * soft}

    def hint(self, student: Outputs, teacher: Outputs, regressor: nn.Module) -> Tensor:
        """weight · mean (r(h_s) − h_t)² over examples, positions or real tokens, and the teacher's width."""
        if is_image(student):
            ours, theirs = pooled_alike(as_map(student, middle(student)), as_map(teacher, middle(teacher)))
            return self.weight * (regressor(ours) - theirs).square().mean()
        gap = regressor(student.hidden[middle(student)]) - teacher.hidden[middle(teacher)]
        return self.weight * token_mean(gap.square(), student.mask)
