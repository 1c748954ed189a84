"""MobileNetV2 (Sandler et al., CVPR 2018, table 2) for 32x32 images: expansion 6, widths times .5.

As in the published KD tables, the first stride-2 block has stride 1, activations are ReLU instead of ReLU6,
and the head's 1280 channels are not scaled. Stage ends are the linear bottlenecks before each change of size.
"""

from __future__ import annotations

from torch import Tensor, nn

from tasks.networks.staged import StagedNetwork, convolution, initialise, register

WIDTH = 0.5
HEAD = 1280
# Stage by stage: (expansion, channels at width 1, blocks, stride of the first block).
STAGES = (
    ((1, 16, 1, 1), (6, 24, 2, 1)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)


class InvertedResidual(nn.Module):
    """1x1 up, 3x3 depthwise, 1x1 down without activation; a shortcut where shapes do not change."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = expansion * inputs
        self.body = nn.Sequential(
            convolution(inputs, width, 1),
            convolution(width, width, 3, stride, groups=width),
            convolution(width, outputs, 1, relu=False),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


def mobilenetv2(num_classes: int, in_chans: int) -> StagedNetwork:
    """MobileNetV2 at half width."""
    inputs = int(32 * WIDTH)
    stem = convolution(in_chans, inputs, 3, 2)
    stages = []
    for groups in STAGES:
        stage = nn.Sequential()
        for expansion, channels, blocks, stride in groups:
            outputs = int(channels * WIDTH)
            for block in range(blocks):
                stage.append(InvertedResidual(inputs, outputs, 1 if block else stride, expansion))
                inputs = outputs
        stages.append(stage)
    network = StagedNetwork(stem, stages, HEAD, num_classes, convolution(inputs, HEAD, 1))
    initialise(network)
    return network


register("cifar_mobilenetv2", mobilenetv2)
