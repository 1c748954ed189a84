"""Network names → networks: the house's own short names first, then any timm model."""

from __future__ import annotations

from pathlib import Path

import timm
from safetensors.torch import save_model
from torch import nn

import tasks.networks  # noqa: F401  (registers the house's networks with timm)
from bench.errors import UsageError, unknown


def resolve(name: str, prefix: str) -> str:
    """`resnet56` → `cifar_resnet56` where the house has it; else a timm model's name as it is."""
    for candidate in (prefix + name, name):
        if timm.is_model(candidate):
            return candidate
    own = [known.removeprefix(prefix) for known in timm.list_models(prefix + "*")]
    raise unknown("network", name, [*own, *timm.list_models()], "(this task takes images, and any network of timm)")


def create(name: str, classes: int, channels: int, size: int) -> nn.Module:
    """The timm model `name` with fresh weights, for images of `size`x`size`. `created_as`: timm's arguments for it."""
    options: dict[str, int] = {"num_classes": classes, "in_chans": channels, "img_size": size}
    # Vision transformers fix their input size at their construction; convolutional networks take none.
    try:
        network = timm.create_model(name, pretrained=False, **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise UsageError(f"network {name!r} cannot be built for {size}x{size} images: {error}") from error
        del options["img_size"]
        network = timm.create_model(name, pretrained=False, **options)
    network.created_as = {"model_name": name, **options}
    return network


def save(network: nn.Module, folder: Path) -> str:
    """Writes `model.safetensors`, and gives the Python that loads it as `model`."""
    save_model(network, folder / "model.safetensors")
    arguments = ", ".join(f"{name}={value!r}" for name, value in network.created_as.items())
    house = timm.model_entrypoint(network.created_as["model_name"]).__module__.startswith("tasks.")
    own = ", tasks.networks" if house else ""
    return f'import timm{own}; model = timm.create_model({arguments}, checkpoint_path="model.safetensors")'
