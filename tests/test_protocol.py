"""Schedules and recipes: their values where it matters, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import FAIR, RECIPE

from bench.protocol import Recipe, Schedule
from bench.registry import Registry

STEPS = Schedule("steps", milestones=(0.5, 0.75))


@pytest.mark.parametrize(
    ("schedule", "progress", "factor"),
    [
        (STEPS, 0.0, 1.0),
        (STEPS, 0.4999, 1.0),
        (STEPS, 0.5, 0.1),
        (STEPS, 0.75, 0.01),
        (STEPS, 0.9999, 0.01),
        (replace(STEPS, factor=0.5), 0.8, 0.25),
        (Schedule("cosine"), 0.0, 1.0),
        (Schedule("cosine"), 1 / 3, 0.75),
        (Schedule("cosine"), 0.5, 0.5),
        (Schedule("cosine"), 1.0, 0.0),
        (Schedule("linear"), 0.25, 0.75),
        (Schedule("linear"), 1.0, 0.0),
        (Schedule("constant"), 0.99, 1.0),
        (Schedule("cosine", warmup=0.2), 0.0, 0.0),
        (Schedule("cosine", warmup=0.2), 0.05, 0.25),
        (Schedule("cosine", warmup=0.2), 0.2, 1.0),
        (Schedule("cosine", warmup=0.2), 0.6, 0.5),
        (Schedule("linear", warmup=0.5), 0.75, 0.5),
        # Milestones are shares of the whole stage, whatever the warm-up.
        (replace(STEPS, warmup=0.2), 0.1, 0.5),
        (replace(STEPS, warmup=0.2), 0.5, 0.1),
    ],
)
def test_values_of_schedules(schedule: Schedule, progress: float, factor: float) -> None:
    assert schedule.at(progress) == pytest.approx(factor, abs=1e-12)


@given(st.sampled_from(Schedule.SHAPES), st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_factors_lie_in_0_to_1_and_never_rise_after_the_warm_up(
    shape: str, warmup: float, one: float, two: float
) -> None:
    schedule = Schedule(shape, warmup=warmup, milestones=(0.6, 0.8))
    early, late = sorted((one, two))
    assert 0 <= schedule.at(early) <= 1
    if early >= warmup:
        assert schedule.at(late) <= schedule.at(early) + 1e-12


def test_the_published_recipe_divides_by_ten_at_its_epochs() -> None:
    recipe = Registry().task("cifar100").protocols["paper"].student
    rates = [recipe.learning_rate * recipe.schedule.at(epoch / 240) for epoch in (0, 149, 150, 180, 209, 210, 239)]
    assert rates == pytest.approx([0.05, 0.05, 0.005, 0.0005, 0.0005, 0.00005, 0.00005])


def test_unknown_shapes_and_optimisers_are_refused() -> None:
    with pytest.raises(ValueError, match="schedule shape 'exponential' is none of"):
        Schedule("exponential")
    with pytest.raises(ValueError, match="optimiser 'adam' is none of"):
        Recipe(epochs=1, batch_size=1, learning_rate=1, optimiser="adam")


def test_a_recipe_may_differ_for_some_networks() -> None:
    overrides = {"*vit*": {"optimiser": "adamw", "learning_rate": 0.001}, "*tiny*": {"learning_rate": 7.0}}
    recipe = replace(RECIPE, overrides=overrides)
    assert recipe.resolved("cifar_resnet20") == RECIPE
    assert recipe.resolved("cifar_vit_tiny") == replace(RECIPE, optimiser="adamw", learning_rate=0.001)
    assert recipe.resolved("mlp_tiny") == replace(RECIPE, learning_rate=7.0)


def test_a_protocol_is_plain_data() -> None:
    content = FAIR.as_dict()
    assert content["student"]["schedule"]["shape"] == "cosine"
    assert json.loads(json.dumps(content))["student"]["batch_size"] == 8


@pytest.mark.parametrize("task", [plugin.name for plugin in Registry().plugins("tasks")])
def test_protocols_of_tasks_have_their_names_and_leave_no_target_without_select(task: str) -> None:
    made = Registry().task(task)
    assert made.default_protocol in made.protocols
    for name, protocol in made.protocols.items():
        assert protocol.name == name
        assert protocol.controls[0] == "scratch"
        assert protocol.target in {plugin.name for plugin in Registry().plugins("methods")}
        assert protocol.select or name == "paper"
