"""ResNets for 32x32 images (He et al., CVPR 2016, section 4.2), in the form of the published KD tables.

Depth 6n+2: three stages of n basic blocks. Shortcuts are 1x1 projections with batch norm where shapes change.
`x4` networks have four times the widths of every stage and twice the stem's (32, 64, 128, 256).
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from tasks.networks.staged import StagedNetwork, register


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet(depth: int, widths: tuple[int, int, int, int], num_classes: int, in_chans: int) -> StagedNetwork:
    """A ResNet of `depth` = 6n+2 layers; `widths` are those of the stem and the three stages."""
    if (depth - 2) % 6:
        raise ValueError(f"depth {depth} is not of the form 6n+2")
    stem = nn.Sequential(nn.Conv2d(in_chans, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
    stages = []
    for number in range(1, 4):
        blocks = [BasicBlock(widths[number - 1], widths[number], 1 if number == 1 else 2)]
        blocks += [BasicBlock(widths[number], widths[number], 1) for _ in range((depth - 2) // 6 - 1)]
        stages.append(nn.Sequential(*blocks))
    network = StagedNetwork(stem, stages, widths[3], num_classes, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


NARROW = (16, 16, 32, 64)
WIDE = (32, 64, 128, 256)

register("cifar_resnet20", partial(resnet, 20, NARROW))
register("cifar_resnet32", partial(resnet, 32, NARROW))
register("cifar_resnet56", partial(resnet, 56, NARROW))
register("cifar_resnet110", partial(resnet, 110, NARROW))
register("cifar_resnet8x4", partial(resnet, 8, WIDE))
register("cifar_resnet32x4", partial(resnet, 32, WIDE))
