"""Handwritten digits (Alpaydin & Kaynak, 1998; in scikit-learn): 1,797 images of 8x8 in 10 classes, made harder.

The plain set is too easy to tell methods apart: a small network learns it from its labels alone. So students see
100 labelled examples only (teachers see the nine hundred of `fit`), and every pixel carries noise while training.
The number of labels, the noise and the learning rates were chosen while watching plain training and KD, on another
split of the same images, so that the two differ: digits shows that everything works, it is no evidence for a method.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.protocol import Protocol, Recipe, Schedule
from bench.task import Data, Examples, Pair, Task, with_name

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

# Pixels are counts from 0 to 16.
MEAN = 4.9
DEVIATION = 6.0
NOISE = 4.0
"""Standard deviation of the pixel noise in training, in counts."""

STUDENT = Recipe(
    epochs=80,
    batch_size=32,
    learning_rate=0.01,
    optimiser="adamw",
    weight_decay=0.05,
    schedule=Schedule("cosine", warmup=0.05),
    overrides={"*vit*": {"learning_rate": 0.005}},
)
TEACHER = Recipe(**{**vars(STUDENT), "epochs": 18})

FAIR = Protocol("fair", student=STUDENT, teacher=TEACHER, fit_items=100, precision="float32")


class Digits(Task):
    name = "digits"
    summary = "Handwritten digits of 8x8 pixels, few labels: seconds a cell, comes with scikit-learn"
    note = (
        "Students see few labels, and pixels carry noise. Both, and the learning rates, were chosen so that plain "
        "training and KD differ: this shows that everything works, it is no evidence for a method."
    )
    modality = "image"
    input_format = f"8x8 pixels from 0 to 16, less {MEAN}, divided by {DEVIATION}"
    classes = 10
    train_items = 1_201
    test_items = 596
    select_share = 0.25
    pairs = (Pair("resnet14", "resnet8"), Pair("vit_small", "vit_tiny"))
    default_pairs = pairs
    protocols = {
        "fair": FAIR,
        # For tests: everything happens, nothing is learnt.
        "smoke": with_name(
            FAIR,
            "smoke",
            student=Recipe(**{**vars(STUDENT), "epochs": 6}),
            teacher=Recipe(**{**vars(TEACHER), "epochs": 1}),
            evaluations=8,
        ),
    }
    default_protocol = "fair"

    def load(self, data_dir: Path | None) -> Data:
        import torch
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = torch.from_numpy(digits.images).to(torch.uint8)[..., None]
        labels = torch.from_numpy(digits.target).long()
        test = torch.zeros(len(labels), dtype=torch.bool)
        for label in range(self.classes):
            # Every third example of a class is for test: stratified, and the same everywhere without a seed.
            test[(labels == label).nonzero().flatten()[2::3]] = True
        return Data(Examples(images[~test], labels[~test]), Examples(images[test], labels[test]))

    def resolve(self, name: str) -> str:
        from tasks.networks.names import resolve

        return resolve(name, prefix="digits_")

    def network(self, name: str) -> nn.Module:
        from tasks.networks.names import create

        return create(self.resolve(name), classes=self.classes, channels=1, size=8)

    def save(self, network: nn.Module, folder: Path) -> str:
        from tasks.networks.names import save

        return save(network, folder)

    def blank(self, count: int) -> Tensor:
        import torch

        return torch.zeros(count, 8, 8, 1, dtype=torch.uint8)

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        import torch

        return {"noise": torch.randn(count, 8, 8, 1, generator=generator)}

    def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
        """uint8 (B, 8, 8, 1) → float32 (B, 1, 8, 8), normalised."""
        counts = inputs.float()
        if draws is not None:
            counts = counts + NOISE * draws["noise"]
        return ((counts - MEAN) / DEVIATION).permute(0, 3, 1, 2)
