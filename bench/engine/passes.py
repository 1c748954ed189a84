"""Counts what a step does: the forward and backward passes of every network, and the steps of every optimiser.

Counts repeat exactly where times do not: a method that begins to run its teacher twice a step shows here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import register_multi_grad_hook
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from bench.method import Outputs

KINDS = ("forwards", "backwards", "updates")
"""The fields of `bench.record.Passes`."""

Counts = Counter[tuple[str, str]]
"""How often, by a network's or optimiser's name and the kind."""


@contextmanager
def counting(
    counts: Counts, networks: Mapping[nn.Module, str], optimisers: Iterable[tuple[str, Optimizer]]
) -> Iterator[None]:
    """Inside, adds to `counts` what these networks and optimisers do; those of one name together.

    A backward pass is a call of `backward` or `torch.autograd.grad` in which a gradient reaches anything that a forward
    pass gave. It counts once for each such forward pass, also when it comes after the block.
    """
    with ExitStack() as hooks:
        for network, name in networks.items():
            expect(counts, name)
            hooks.enter_context(_count_passes(counts, name, network))
        for name, optimiser in optimisers:
            expect(counts, name)
            hooks.enter_context(_count_updates(counts, name, optimiser))
        yield


def by_name(counts: Counts) -> dict[str, dict[str, int]]:
    """The counts of each name, by kind."""
    return {name: {kind: counts[name, kind] for kind in KINDS} for name, _ in counts}


def expect(counts: Counts, name: str) -> None:
    """Whoever does nothing has its zeros too."""
    for kind in KINDS:
        counts[name, kind] += 0


# The hooks are plain functions: a deep copy that a method makes of a network in a step counts as that network.
def _count_passes(counts: Counts, name: str, network: nn.Module) -> RemovableHandle:
    def backward(gradient: Tensor) -> None:
        counts[name, "backwards"] += 1

    def forward(network: nn.Module, inputs: tuple[Any, ...], given: Any) -> None:
        counts[name, "forwards"] += 1
        register_multi_grad_hook(tuple(tensors(given)), backward, mode="any")

    return network.register_forward_hook(forward)


def _count_updates(counts: Counts, name: str, optimiser: Optimizer) -> RemovableHandle:
    def update(optimiser: Optimizer, *given: Any) -> None:
        counts[name, "updates"] += 1

    return optimiser.register_step_post_hook(update)


def tensors(given: Any) -> Iterator[Tensor]:
    """The tensors with a history in what a network gives: `Outputs`, or what a plugin's own network gives."""
    if isinstance(given, Tensor):
        # A parameter that is given as it is outlives the step, and the hook with it.
        if given.grad_fn is not None:
            yield given
    elif isinstance(given, Outputs):
        yield from tensors(tuple(vars(given).values()))
    elif isinstance(given, Mapping):
        yield from tensors(tuple(given.values()))
    elif isinstance(given, tuple | list):
        for each in given:
            yield from tensors(each)
