"""When a cell that loses its slots is given up."""

from __future__ import annotations

from bench.executors.ray.losses import Losses


def test_a_cell_fails_after_three_losses_without_progress():
    losses = Losses()
    for step in (100, 100):
        losses.add("the node died.", step)
        assert losses.verdict is None
    losses.add("the node died again.", 40)
    assert losses.verdict == "its slot was lost 3 times. the node died again."


def test_a_cell_that_never_comes_to_a_step_fails_too():
    losses = Losses()
    for _ in range(3):
        assert losses.verdict is None
        losses.add("out of memory.", 0)
    assert losses.verdict


def test_nodes_that_are_taken_away_from_a_cell_that_goes_on_do_not_count():
    losses = Losses()
    for step in range(100, 2000, 100):
        losses.add("preempted.", step)
        assert losses.verdict is None
        losses.add("preempted.", step)
        assert losses.verdict is None
