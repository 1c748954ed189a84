"""ShuffleNet (Zhang et al., CVPR 2018, table 1: 3 groups, 1x) for 32x32 images: a 1x1 stem, no max-pool."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tasks.networks.staged import StagedNetwork, convolution, initialise, register

GROUPS = 3
STEM = 24
STAGES = ((240, 4), (480, 8), (960, 4))  # channels, blocks


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Channels of (B, C, H, W) in the order that takes one from each group in turn (section 3.1)."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class ShuffleUnit(nn.Module):
    """Grouped 1x1, shuffle, 3x3 depthwise, grouped 1x1, and a shortcut (figure 2b).

    At stride 2 the pooled input is joined to the result instead of added (figure 2c).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        if stride == 2:
            outputs -= inputs
        width = outputs // 4
        # The stem has too few channels to be grouped (section 3.2).
        self.groups = 1 if inputs == STEM else GROUPS
        self.reduce = convolution(inputs, width, 1, groups=self.groups)
        self.depthwise = convolution(width, width, 3, stride, groups=width)
        self.expand = convolution(width, outputs, 1, groups=GROUPS, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(self.depthwise(shuffle(self.reduce(x), self.groups)))
        if self.stride == 1:
            return F.relu(x + y)
        return F.relu(torch.cat((y, F.avg_pool2d(x, 3, 2, 1)), dim=1))


def shufflenetv1(num_classes: int, in_chans: int) -> StagedNetwork:
    """Three stages of 4, 8 and 4 units, each beginning with stride 2."""
    stem = convolution(in_chans, STEM, 1)
    stages = []
    inputs = STEM
    for outputs, units in STAGES:
        layers = [ShuffleUnit(inputs, outputs, 2)]
        layers += [ShuffleUnit(outputs, outputs, 1) for _ in range(units - 1)]
        stages.append(nn.Sequential(*layers))
        inputs = outputs
    network = StagedNetwork(stem, stages, inputs, num_classes, nn.Identity())
    initialise(network)
    return network


register("cifar_shufflenetv1", shufflenetv1)
