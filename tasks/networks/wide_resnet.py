"""Wide ResNets (Zagoruyko & Komodakis, BMVC 2016): pre-activation, depth 6n+4, widths times `factor`.

Stage ends are the sums before the next activation, as in the published KD tables; the last batch norm and
ReLU come after them.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from tasks.networks.staged import StagedNetwork, initialise, register


class PreactivationBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions (He et al., ECCV 2016), and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.projection = None
        if stride != 1 or inputs != outputs:
            self.projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        # A projection starts from the activated input, an identity from the raw one.
        return y + (x if self.projection is None else self.projection(activated))


def wide_resnet(depth: int, factor: int, num_classes: int, in_chans: int) -> StagedNetwork:
    """A wide ResNet of `depth` = 6n+4 layers."""
    if (depth - 4) % 6:
        raise ValueError(f"depth {depth} is not of the form 6n+4")
    widths = (16, 16 * factor, 32 * factor, 64 * factor)
    stem = nn.Conv2d(in_chans, widths[0], 3, 1, 1, bias=False)
    stages = []
    for number in range(1, 4):
        blocks = [PreactivationBlock(widths[number - 1], widths[number], 1 if number == 1 else 2)]
        blocks += [PreactivationBlock(widths[number], widths[number], 1) for _ in range((depth - 4) // 6 - 1)]
        stages.append(nn.Sequential(*blocks))
    final = nn.Sequential(nn.BatchNorm2d(widths[3]), nn.ReLU())
    network = StagedNetwork(stem, stages, widths[3], num_classes, final)
    initialise(network)
    return network


register("cifar_wrn_16_2", partial(wide_resnet, 16, 2))
register("cifar_wrn_40_1", partial(wide_resnet, 40, 1))
register("cifar_wrn_40_2", partial(wide_resnet, 40, 2))
