"""ShuffleNetV2 (Ma et al., ECCV 2018, table 5: 1x) for 32x32 images: a 1x1 stem, no max-pool."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasks.networks.shufflenetv1 import shuffle
from tasks.networks.staged import StagedNetwork, convolution, initialise, register

STEM = 24
STAGES = ((116, 4), (232, 8), (464, 4))  # channels, units
HEAD = 1024


class Unit(nn.Module):
    """One half of the channels passes, the other is convolved; then they are shuffled (figure 3c)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.body = nn.Sequential(
            convolution(half, half, 1),
            convolution(half, half, 3, groups=half, relu=False),
            convolution(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        passed, convolved = x.chunk(2, dim=1)
        return shuffle(torch.cat((passed, self.body(convolved)), dim=1), 2)


class DownUnit(nn.Module):
    """Both branches see every channel and halve the size (figure 3d)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.left = nn.Sequential(
            convolution(inputs, inputs, 3, 2, groups=inputs, relu=False),
            convolution(inputs, half, 1),
        )
        self.right = nn.Sequential(
            convolution(inputs, half, 1),
            convolution(half, half, 3, 2, groups=half, relu=False),
            convolution(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return shuffle(torch.cat((self.left(x), self.right(x)), dim=1), 2)


def shufflenetv2(num_classes: int, in_chans: int) -> StagedNetwork:
    """Three stages of 4, 8 and 4 units, each beginning with stride 2; a 1x1 convolution is the head."""
    stem = convolution(in_chans, STEM, 1)
    stages = []
    inputs = STEM
    for outputs, units in STAGES:
        stages.append(nn.Sequential(DownUnit(inputs, outputs), *(Unit(outputs) for _ in range(units - 1))))
        inputs = outputs
    network = StagedNetwork(stem, stages, HEAD, num_classes, convolution(inputs, HEAD, 1))
    initialise(network)
    return network


register("cifar_shufflenetv2", shufflenetv2)
