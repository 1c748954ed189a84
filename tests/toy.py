"""A task of a few milliseconds: 72 random images of 4x4 in three classes, and small networks with maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

from bench.errors import DataError, unknown
from bench.protocol import Protocol, Recipe
from bench.task import Data, Examples, Pair, Task

RECIPE = Recipe(epochs=2, batch_size=8, learning_rate=0.05)
FAIR = Protocol("fair", student=RECIPE, teacher=RECIPE, evaluations=4, precision="float32")
WIDTHS = {"narrow": (4, 4, 6), "wide": (4, 6, 8), "deep": (4, 6, 6, 8), "dropping": (4, 6, 8)}


class Maps(nn.Module):
    """A stem and stages of convolution, batch norm and ReLU, the last of half size; maps are given as in timm."""

    def __init__(self, widths: tuple[int, ...], classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        channels = (1, *widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels[i], channels[i + 1], 3, 1 + (i == len(widths) - 1), 1, bias=False),
                nn.BatchNorm2d(channels[i + 1]),
                nn.ReLU(),
            )
            for i in range(len(widths))
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(widths[-1], classes)

    def forward_intermediates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return x, maps

    def forward_head(self, x: Tensor) -> Tensor:
        return self.fc(self.dropout(x.mean(dim=(2, 3))))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_intermediates(x)[0])


class Toy(Task):
    """Noise with a bright corner that says the class."""

    name = "toy"
    summary = "A toy"
    modality = "image"
    classes = 3
    train_items = 60
    test_items = 12
    select_share = 0.2
    pairs = (Pair("wide", "narrow"), Pair("deep", "narrow"))
    default_pairs = pairs[:1]
    protocols = {"fair": FAIR, "paper": replace(FAIR, name="paper", select=False)}
    default_protocol = "fair"

    def load(self, data_dir: Path | None) -> Data:
        if data_dir is not None:
            raise DataError(f"no toys in {data_dir}")
        count = self.train_items + self.test_items
        labels = torch.arange(count) % self.classes
        images = torch.randint(0, 99, (count, 4, 4, 1), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
        images[torch.arange(count), labels, labels] = 200
        cut = self.train_items
        return Data(Examples(images[:cut], labels[:cut]), Examples(images[cut:], labels[cut:]))

    def resolve(self, name: str) -> str:
        if name not in WIDTHS:
            raise unknown("network", name, WIDTHS)
        return name

    def network(self, name: str) -> nn.Module:
        return Maps(WIDTHS[self.resolve(name)], self.classes, dropout=0.5 if name == "dropping" else 0.0)

    def blank(self, count: int) -> Tensor:
        return torch.zeros(count, 4, 4, 1, dtype=torch.uint8)

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        return {"noise": torch.rand(count, 1, 1, 1, generator=generator)}

    def prepare(self, inputs: Any, draws: dict[str, Tensor] | None) -> Tensor:
        images = inputs.float() / 255
        if draws is not None:
            images = images + draws["noise"]
        return images.permute(0, 3, 1, 2)
