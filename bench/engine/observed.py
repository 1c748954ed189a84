"""A network as methods see it: one forward pass gives `Outputs`, with only what is needed computed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench.method import Outputs

NOTHING: frozenset[str] = frozenset()


class Observed(nn.Module):
    """A network whose forward gives `Outputs` in float32. The base gives logits alone."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__()
        self.network = network
        self.dtype = getattr(torch, precision)

    def forward(self, inputs: Any, needs: frozenset[str] = NOTHING) -> Outputs:
        device = next(self.network.parameters()).device.type
        with torch.autocast(device, self.dtype, enabled=self.dtype != torch.float32):
            if "second_order" in needs:
                # The fused attention kernels have no double backward.
                with sdpa_kernel([SDPBackend.MATH]):
                    return self.observe(inputs, needs)
            return self.observe(inputs, needs)

    def observe(self, inputs: Any, needs: frozenset[str]) -> Outputs:
        """The forward pass itself."""
        return Outputs(logits=self.network(inputs).float())
