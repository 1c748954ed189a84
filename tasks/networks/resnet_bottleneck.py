"""ResNet-50 (He et al., CVPR 2016, table 1) for 32x32 images: the stem is one 3x3 convolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from tasks.networks.staged import StagedNetwork, convolution, initialise, register

EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1 down to `width`, 3x3 (which takes the stride), 1x1 up to four times `width`, and a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.body = nn.Sequential(
            convolution(inputs, width, 1),
            convolution(width, width, 3, stride),
            convolution(width, outputs, 1, relu=False),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = convolution(inputs, outputs, 1, stride, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def resnet50(num_classes: int, in_chans: int) -> StagedNetwork:
    """Four stages of 3, 4, 6 and 3 blocks."""
    width = 64
    stem = convolution(in_chans, width, 3)
    stages = []
    inputs = width
    for number, blocks in enumerate((3, 4, 6, 3)):
        stage = nn.Sequential()
        for block in range(blocks):
            stage.append(Bottleneck(inputs, width, 2 if number and not block else 1))
            inputs = EXPANSION * width
        stages.append(stage)
        width *= 2
    network = StagedNetwork(stem, stages, inputs, num_classes, nn.Identity())
    initialise(network)
    return network


register("cifar_resnet50", resnet50)
