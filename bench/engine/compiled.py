"""torch.compile, for the one network of a run that it cannot change: the teacher that does not learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch._inductor import config as inductor

from bench.engine.observed import Observed


class Compiled(nn.Module):
    """Runs a network's forward pass in compiled form. Hooks of this module and of the network are no part of it."""

    def __init__(self, network: Observed) -> None:
        super().__init__()
        self.forward = torch.compile(network.forward, dynamic=False, fullgraph=True)


def compile_frozen(network: Observed, inputs: Any, needs: Iterable[frozenset[str]]) -> Compiled:
    """The network with its forward pass compiled now for inputs of this shape and every one of `needs`.

    The network is in eval mode and keeps its weights: they are folded into the compiled code. A network that
    torch.compile cannot take whole raises its error.
    """
    # Every observer shares one code object, of which the compiler keeps a few compiled forms, and falls back to the
    # plain one silently after that.
    torch._dynamo.reset()
    compiled = Compiled(network)
    # The option of torch.compile of this name comes too late: what is a constant is decided before.
    with torch.no_grad(), inductor.patch(freezing=True):
        for each in needs:
            compiled(inputs, each)
    return compiled
