"""Finds the observer that gives the most of a network."""

from __future__ import annotations

from torch import nn

from bench.engine.observe_images import ObservedMaps, ObservedVisionTransformer
from bench.engine.observe_language import ObservedLanguageModel
from bench.engine.observed import Observed


def observed(network: nn.Module, precision: str) -> Observed:
    """Wraps a network in the observer that gives the most of it."""
    if ObservedLanguageModel.fits(network):
        return ObservedLanguageModel(network, precision)
    if ObservedVisionTransformer.fits(network):
        return ObservedVisionTransformer(network, precision)
    if hasattr(network, "forward_intermediates") and hasattr(network, "forward_head"):
        return ObservedMaps(network, precision)
    return Observed(network, precision)
