"""What the CIFAR networks share: a stem, stages, pooling, one linear layer, and timm's way of giving maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from timm.models import register_model
from torch import Tensor, nn


class StagedNetwork(nn.Module):
    """A convolutional network as stem → stages → final → global average pool → linear.

    `final` is what follows the last stage before pooling (identity for most). Images are (B, channels, H, W).
    """

    def __init__(self, stem: nn.Module, stages: list[nn.Module], width: int, num_classes: int, final: nn.Module):
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(stages)
        self.final = final
        self.num_features = width
        self.num_classes = num_classes
        self.fc = nn.Linear(width, num_classes)

    def forward_intermediates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last map, and the stem's and every stage's end, each (B, C, H, W)."""
        x = self.stem(x)
        maps = [x]
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return self.final(x), maps

    def forward_features(self, x: Tensor) -> Tensor:
        """The last map (B, C, H, W)."""
        return self.forward_intermediates(x)[0]

    def forward_head(self, x: Tensor) -> Tensor:
        """The last map → logits (B, num_classes)."""
        return self.fc(x.mean(dim=(2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """A convolution that keeps the size (at stride 1), batch norm, and ReLU if wanted."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU()) if relu else nn.Sequential(*layers)


def initialise(network: nn.Module) -> None:
    """He's initialisation of the convolutions (ICCV 2015), with fan-out; the rest keeps torch's own."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def register(name: str, build: Callable[[int, int], nn.Module]) -> None:
    """Registers `build(num_classes, in_chans)` with timm under `name`."""

    def entrypoint(
        pretrained: bool = False, num_classes: int = 100, in_chans: int = 3, **timm_options: Any
    ) -> nn.Module:
        # timm passes its own bookkeeping (pretrained_cfg, cache_dir, …) to every entry point.
        if pretrained:
            raise ValueError(f"there are no pretrained weights for {name!r}: use pretrained=False")
        return build(num_classes, in_chans)

    entrypoint.__name__ = name
    entrypoint.__module__ = __name__
    register_model(entrypoint)
