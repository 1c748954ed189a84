"""What the tests of the methods share: synthetic outputs, small networks, and a stand-in for a training."""

from __future__ import annotations

import copy
import importlib
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.method import Attention, Batch, Losses, Method, Outputs, Stage
from methods.table import TABLE

NAMES = list(TABLE)
CLASSES = 5


def method_class(name: str) -> type[Method]:
    module, _, attribute = TABLE[name].location.partition(":")
    return getattr(importlib.import_module(module), attribute)


def build(name: str, modality: str = "image", **parameters: Any) -> Method:
    """The method with its defaults for a modality."""
    cls = method_class(name)
    return cls(**({**cls.text_defaults, **parameters} if modality == "text" else parameters))


# --- synthetic outputs, float64 ---


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def conv_outputs(seed: int, widths: tuple[int, ...], sizes: tuple[int, ...], batch: int = 3) -> Outputs:
    """A convolutional network's: square maps, stem first."""
    hidden = [random(seed + i, batch, s * s, w) for i, (w, s) in enumerate(zip(widths, sizes, strict=True))]
    return Outputs(
        logits=random(seed + 90, batch, CLASSES),
        hidden=tuple(hidden),
        grids=tuple((size, size) for size in sizes),
    )


def token_outputs(
    seed: int, width: int, layers: int, heads: int = 2, prefix: int | None = None, batch: int = 3
) -> Outputs:
    """A transformer's: text of 6 tokens with padding, or a 2x3 grid behind `prefix` tokens."""
    count = 6 + (prefix or 0)
    shape = (batch, heads, count, width // heads)
    attention = [Attention(*(random(seed + 1000 * i + j, *shape) for j in (20, 21, 22))) for i in range(layers)]
    lengths = torch.tensor([6, 3, 4])[:batch]
    return Outputs(
        logits=random(seed + 90, batch, CLASSES),
        hidden=tuple(random(seed + i, batch, count, width) for i in range(layers + 1)),
        grids=((None if prefix is None else (2, 3)),) * (layers + 1),
        mask=torch.arange(6) < lengths[:, None] if prefix is None else None,
        prefix=prefix or 0,
        attention=tuple(attention),
    )


def leaves(outputs: Outputs) -> list[Tensor]:
    """Every tensor of the outputs, to be differentiated."""
    return [outputs.logits, *outputs.hidden, *(tensor for layer in outputs.attention for tensor in layer)]


def perturbed_padding(outputs: Outputs) -> Outputs:
    """The same outputs with other numbers wherever a token is padding."""
    padded = ~outputs.mask

    def disturb(tensor: Tensor, where: Tensor) -> Tensor:
        return torch.where(where, 7.0 * torch.cos(tensor * 13) + 3.0, tensor)

    return replace(
        outputs,
        hidden=tuple(disturb(hidden, padded[:, :, None]) for hidden in outputs.hidden),
        attention=tuple(
            Attention(*(disturb(part, padded[:, None, :, None]) for part in layer)) for layer in outputs.attention
        ),
    )


LABELS = torch.tensor([1, 4, 0])


def assert_same(ours: Tensor, reference: Tensor, variables: list[Tensor]) -> None:
    """Equal values, and equal gradients with respect to every variable (absent ones count as zero)."""
    torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-11)
    gradients = [
        torch.autograd.grad(loss, variables, allow_unused=True, materialize_grads=True) for loss in (ours, reference)
    ]
    assert any(gradient.abs().max() > 0 for gradient in gradients[1])
    for gradient, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-7, atol=1e-10)


# --- small networks ---


class ConvNet(nn.Module):
    """A stem and three stages with batch norm; 8x8 images."""

    def __init__(self, widths: tuple[int, ...] = (4, 4, 6, 8)) -> None:
        super().__init__()
        inputs = (3, *widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs[i], inputs[i + 1], 3, 2 if i > 1 else 1, 1, bias=False),
                nn.BatchNorm2d(inputs[i + 1]),
                nn.Softplus(),
            )
            for i in range(len(widths))
        )
        self.head = nn.Linear(widths[-1], CLASSES)

    def forward(self, inputs: Tensor, needs: frozenset[str] = frozenset()) -> Outputs:
        maps, x = [], inputs
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        logits = self.head(x.mean(dim=(2, 3)))
        if "hidden" not in needs:
            return Outputs(logits)
        hidden = tuple(x.flatten(2).transpose(1, 2) for x in maps)
        return Outputs(logits, hidden, tuple(tuple(x.shape[2:]) for x in maps))


class Transformer(nn.Module):
    """A text transformer: token and mask tensors in, [CLS] first. With `prefix`, a vision transformer."""

    def __init__(self, width: int = 8, layers: int = 2, heads: int = 2, prefix: int | None = None) -> None:
        super().__init__()
        self.heads, self.prefix = heads, prefix
        self.embedding = nn.Embedding(20, width) if prefix is None else nn.Linear(3 * 16, width)
        if prefix is not None:
            self.special = nn.Parameter(torch.randn(prefix, width))
        self.projections = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.mixers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, inputs: Any, needs: frozenset[str] = frozenset()) -> Outputs:
        mask = None
        if self.prefix is None:
            mask, x = inputs["mask"], self.embedding(inputs["tokens"])
        else:
            patches = inputs.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4).permute(0, 2, 3, 1, 4).flatten(3).flatten(1, 2)
            x = torch.cat([self.special.expand(len(inputs), -1, -1), self.embedding(patches)], dim=1)
        hidden, attention = [x], []
        for projection, mixer in zip(self.projections, self.mixers, strict=True):
            q, k, v = projection(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
            if mask is not None:
                scores = scores.masked_fill(~mask[:, None, None, :], -1e9)
            x = x + mixer((scores.softmax(dim=3) @ v).transpose(1, 2).flatten(2)).tanh()
            hidden.append(x)
            attention.append(Attention(q, k, v))
        grids = ((None if self.prefix is None else (2, 2)),) * len(hidden)
        return Outputs(
            self.head(x[:, 0]),
            tuple(hidden) if "hidden" in needs else (),
            grids if "hidden" in needs else (),
            mask,
            self.prefix or 0,
            tuple(attention) if "qkv" in needs else (),
        )


def seeded(network: Any, seed: int) -> nn.Module:
    """A network built with its own seed; the global generator is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return network()


def batches(modality: str, seed: int, size: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (size,), generator=generator)
    if modality == "text":
        lengths = torch.randint(2, 7, (size, 1), generator=generator)
        tokens = torch.randint(20, (size, 6), generator=generator)
        return Batch({"tokens": tokens, "mask": torch.arange(6) < lengths}, labels)
    return Batch(torch.randn(size, 3, 8, 8, generator=generator), labels)


# --- a training ---


@dataclass
class FakeTraining:
    """The part of the engine that a method sees: plain SGD, no schedule."""

    student: Any = None
    teacher: Any = None
    adapters: nn.ModuleDict = field(default_factory=nn.ModuleDict)
    networks: dict[str, Any] = field(default_factory=dict)
    optimisers: dict[str, Any] = field(default_factory=dict)
    stage: Stage = field(default_factory=lambda: Stage("train"))
    progress: float = 0.0
    learning_rate: float = 0.05
    seed: int = 1
    quizzes: list[Batch] = field(default_factory=list)
    student_factory: Any = None
    losses: Losses = field(default_factory=dict)
    gradients: dict[str, Tensor | None] = field(default_factory=dict)

    def new_student(self, number: int) -> nn.Module:
        return seeded(self.student_factory, self.seed + number).train()

    def new_teacher(self) -> nn.Module:
        return copy.deepcopy(self.teacher).requires_grad_(True).eval()

    def observe_student(self, batch: Batch) -> Outputs:
        return self.student(batch.inputs, self.stage.needs)

    def observe_teacher(self, batch: Batch) -> Outputs | None:
        if "teacher" not in self.stage.needs:
            return None
        with torch.no_grad():
            return self.teacher(batch.inputs, self.stage.needs)

    def quiz(self) -> Batch:
        return self.quizzes.pop(0)

    def trained(self) -> dict[str, Tensor]:
        """The weights that `update` moves."""
        modules = {"student": self.student, "adapters": self.adapters}
        modules |= {name: net for name, net in self.networks.items() if name not in self.optimisers}
        return {f"{name}.{key}": p for name, module in modules.items() for key, p in module.named_parameters()}

    def update(self, losses: Losses) -> None:
        weights = self.trained()
        for weight in weights.values():
            weight.grad = None
        sum(losses.values()).backward()
        self.losses = {name: loss.detach() for name, loss in losses.items()}
        self.gradients = {name: weight.grad for name, weight in weights.items()}
        torch.optim.SGD(weights.values(), self.learning_rate).step()


ALL = frozenset({"hidden", "qkv"})


def training_for(method: Method, kind: str) -> FakeTraining:
    """A prepared training on a pair of convolutional networks ("conv"), vision transformers or text."""
    if kind == "conv":
        # FSP compares no networks of different widths.
        widths = (4, 4, 6, 8) if method.name == "fsp" else (3, 3, 4, 6)
        student, teacher = (lambda: ConvNet(widths)), ConvNet
    else:
        prefix = 1 if kind == "vit" else None
        width = 12 if method.name == "fsp" else 8
        student = lambda: Transformer(width, 2, 2, prefix)  # noqa: E731
        teacher = lambda: Transformer(12, 4, 2, prefix)  # noqa: E731
    modality = "text" if kind == "text" else "image"
    training = FakeTraining(
        seeded(student, 1).train(), seeded(teacher, 50).eval().requires_grad_(False), student_factory=student
    )
    blank = batches(modality, 0, size=2)
    with torch.no_grad():
        ours, theirs = (net(blank.inputs, ALL) for net in (seeded(student, 1), training.teacher))
    assert method.skip(ours, theirs) is None
    with torch.random.fork_rng():
        torch.manual_seed(3)
        training.adapters = nn.ModuleDict(method.adapters(ours, theirs))
    training.stage = method.stages()[0]
    training.quizzes = [batches(modality, 100 + i) for i in range(8)]
    method.prepare(training)
    return training


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−log of the label's probability, mean over the batch, one example after the other."""
    terms = [-(row[label] - row.exp().sum().log()) for row, label in zip(logits, labels, strict=True)]
    return sum(terms) / len(terms)


def kl(teacher: Tensor, student: Tensor) -> Tensor:
    """Σ p log(p/q) of two rows of logits."""
    p, q = teacher.exp() / teacher.exp().sum(), student.exp() / student.exp().sum()
    return (p * (p / q).log()).sum()


def half(maps: Tensor) -> Tensor:
    """Average pooling of (B, D, H, W) by 2, as the mean of four."""
    corners = [maps[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return sum(corners) / 4
