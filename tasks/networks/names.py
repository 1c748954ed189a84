"""Network names → networks: the house's own short names first, then any timm model."""

from __future__ import annotations

import timm
from torch import nn

import tasks.networks  # noqa: F401  (registers the house's networks with timm)
from bench.errors import UsageError, unknown


def resolve(name: str, prefix: str) -> str:
    """`resnet56` → `cifar_resnet56` where the house has it; else a timm model's name as it is."""
    for candidate in (prefix + name, name):
        if timm.is_model(candidate):
            return candidate
    own = [known.removeprefix(prefix) for known in timm.list_models(prefix + "*")]
    raise unknown("network", name, [*own, *timm.list_models()])


def create(name: str, classes: int, channels: int, size: int) -> nn.Module:
    """The timm model `name` with fresh weights, for images of `size`x`size`."""
    options: dict[str, int] = {"num_classes": classes, "in_chans": channels}
    # Vision transformers fix their input size at their construction; convolutional networks take none.
    try:
        return timm.create_model(name, pretrained=False, img_size=size, **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise UsageError(f"network {name!r} cannot be built for {size}x{size} images: {error}") from error
    return timm.create_model(name, pretrained=False, **options)
