"""VGG for 32x32 images (Simonyan & Zisserman, ICLR 2015), with batch norm and one linear layer.

`vgg13` is the paper's configuration B, `vgg8` has one convolution a stage. Stages 2 to 4 begin with a 2x2
max-pool; the fifth keeps the 4x4 map, as in the published KD tables. The first stage is the stem.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from tasks.networks.staged import StagedNetwork, initialise, register

WIDTHS = (64, 128, 256, 512, 512)


def vgg(convolutions: int, num_classes: int, in_chans: int) -> StagedNetwork:
    """A VGG with this many convolutions in each of its five stages."""
    stages = []
    inputs = in_chans
    for number, width in enumerate(WIDTHS):
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if 1 <= number <= 3 else []
        for _ in range(convolutions):
            # These convolutions keep the paper's biases, although batch norm makes them idle: the published
            # parameter counts include them.
            layers += [nn.Conv2d(inputs, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        stages.append(nn.Sequential(*layers))
    network = StagedNetwork(stages[0], stages[1:], inputs, num_classes, nn.Identity())
    initialise(network)
    return network


register("cifar_vgg8", partial(vgg, 1))
register("cifar_vgg13", partial(vgg, 2))
