"""The bootstrap over items and seeds: against a plain loop, and its coverage by simulation."""

import random

import numpy as np
import pytest

from bench.board.bootstrap import DRAWS, interval


def by_a_loop(values, draws=4000):
    """The same, written plainly with another generator."""
    generator = random.Random(1)
    seeds, items = len(values), len(values[0])
    means = []
    for _ in range(draws):
        of_seeds = generator.choices(range(seeds), k=seeds)
        of_items = generator.choices(range(items), k=items)
        means.append(sum(values[seed][item] for seed in of_seeds for item in of_items) / (seeds * items))
    means.sort()
    return means[int(0.025 * draws)], means[int(0.975 * draws)]


@pytest.mark.parametrize(("seeds", "items"), [(5, 40), (3, 100), (1, 60), (8, 8)])
def test_against_a_plain_loop(seeds, items):
    generator = np.random.RandomState(seeds * items)
    # Items differ in difficulty and seeds in skill, so that both matter.
    chance = 0.3 + 0.4 * generator.rand(items) + 0.2 * generator.rand(seeds, 1)
    values = generator.rand(seeds, items) < chance
    assert interval(values) == pytest.approx(by_a_loop(values.tolist()), abs=0.025)


def test_by_hand():
    """One seed, three items of which one is right: none is drawn with 8/27, all three with 1/27 = 3.7%."""
    assert interval(np.array([[True, False, False]])) == (0.0, 1.0)
    # Four items: all four only with 1/256, three or more with 13/256 = 5.1%.
    assert interval(np.array([[True, False, False, False]])) == (0.0, 0.75)


def test_what_never_varies_has_an_interval_of_no_width():
    assert interval(np.ones((5, 30), dtype=bool)) == (1.0, 1.0)
    assert interval(np.zeros((5, 30), dtype=bool)) == (0.0, 0.0)


def test_seeds_and_items_are_drawn_independently():
    """With as many seeds as items and each seed right on its own item, equal draws would never average below 1/n."""
    low, _ = interval(np.eye(6, dtype=bool))
    assert low < 1 / 6


def test_the_same_figures_every_time_and_in_any_order_of_seeds():
    values = np.random.RandomState(0).rand(5, 50) < 0.6
    assert interval(values) == interval(values.copy())
    assert interval(values) == interval(np.asfortranarray(values))


def test_coverage():
    """Items and seeds drawn from a population whose mean is known: 95% intervals hold it about as often."""
    generator = np.random.RandomState(3)
    boards, seeds, items, mean = 300, 5, 120, 0.7
    held = 0
    for _ in range(boards):
        difficulty = generator.uniform(-0.25, 0.25, items)
        skill = generator.uniform(-0.02, 0.02, (seeds, 1))
        low, high = interval(generator.rand(seeds, items) < mean + difficulty + skill)
        held += low <= mean <= high
    # Two random effects with five seeds: the bootstrap is known to be somewhat wide here, never much too narrow.
    assert 0.92 <= held / boards <= 1.0
    assert DRAWS >= 1000
