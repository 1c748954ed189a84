"""Counted memory: exactly the bytes of the tensors that are alive at one time."""

import torch

from bench.engine.memory import allocated

KIB = 1024


def test_tensors_that_live_together_are_added_and_others_are_not() -> None:
    def together() -> None:
        a, b = torch.empty(4 * KIB), torch.empty(2 * KIB)
        del a, b
        torch.empty(KIB)

    def after_one_another() -> None:
        for count in (4, 2, 1):
            torch.empty(count * KIB)

    assert allocated(together) == (4 * 6 * KIB, 4 * 7 * KIB)
    assert allocated(after_one_another) == (4 * 4 * KIB, 4 * 7 * KIB)


def test_what_was_there_before_does_not_count() -> None:
    before = torch.empty(100 * KIB)
    assert max(allocated(lambda: before.add_(1))) < KIB
    assert allocated(before.clone) == (4 * 100 * KIB, 4 * 100 * KIB)


def test_a_step_takes_the_same_every_time() -> None:
    def step() -> None:
        torch.manual_seed(0)
        network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
        optimiser = torch.optim.AdamW(network.parameters())
        for _ in range(2):
            network(torch.randn(32, 64)).square().mean().backward()
            optimiser.step()
            optimiser.zero_grad()

    first = allocated(step)
    weights = 4 * (64 * 64 + 64 + 64 * 8 + 8)
    # Weights, their gradients and AdamW's two moments live together.
    assert first.peak > 4 * weights
    assert first.total > first.peak
    assert {allocated(step) for _ in range(3)} == {first}
