"""Networks of the published CIFAR tables that timm lacks, registered with timm as `cifar_…`, and small ones.

Importing this package registers them. Each gives its maps in timm's own way (`forward_intermediates`), so
that the harness treats them like any timm network.
"""

from tasks.networks import (
    digits,
    mobilenetv2,
    resnet,
    resnet_bottleneck,
    shufflenetv1,
    shufflenetv2,
    vgg,
    vit,
    wide_resnet,
)

__all__ = [
    "digits",
    "mobilenetv2",
    "resnet",
    "resnet_bottleneck",
    "shufflenetv1",
    "shufflenetv2",
    "vgg",
    "vit",
    "wide_resnet",
]
