"""Small ResNets for 8x8 images, registered as `digits_…`: equal widths, so that every method applies."""

from __future__ import annotations

from functools import partial

from tasks.networks.resnet import resnet
from tasks.networks.staged import register

WIDTHS = (8, 8, 16, 32)

register("digits_resnet8", partial(resnet, 8, WIDTHS))
register("digits_resnet14", partial(resnet, 14, WIDTHS))
