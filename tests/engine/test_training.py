"""The handle of a run: what is trained, with which optimiser, at which rate."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import RECIPE, WIDTHS, Maps

from bench.engine.observe import observed
from bench.engine.observed import Observed
from bench.engine.randomness import seeded
from bench.engine.training import Training, stage_steps
from bench.method import Batch, Method, Outputs, Stage
from bench.protocol import Recipe, Schedule

PLAIN = Recipe(epochs=1, batch_size=4, learning_rate=0.1, momentum=0.0, weight_decay=0.0, schedule=Schedule("constant"))
TEACHER = frozenset({"teacher", "hidden"})


def network(name: str, seed: int) -> Observed:
    with seeded(seed, "test"):
        return observed(Maps(WIDTHS[name], 3), "float32").train()


def batch(seed: int = 0, count: int = 4) -> Batch:
    images = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.arange(count) % 3)


@dataclass(frozen=True)
class Everything(Method):
    """An adapter, a peer that is trained with the student, and a private teacher with an optimiser of its own."""

    name = "everything"
    extras: bool = True
    parts: tuple[Stage, ...] = field(default=(Stage("first", 0.5, TEACHER), Stage("second", 0.5)))

    def stages(self) -> tuple[Stage, ...]:
        return self.parts

    def adapters(self, student: Outputs, teacher: Outputs) -> dict[str, nn.Module]:
        return {"width": nn.Linear(student.hidden[-1].shape[2], teacher.hidden[-1].shape[2])}

    def prepare(self, training: Training) -> None:
        if self.extras:
            training.networks["peer"] = training.new_student(1)
            private = training.networks["teacher"] = training.new_teacher()
            training.optimisers["teacher"] = torch.optim.SGD(private.parameters(), 0.1)

    def loss(self, student: Outputs, teacher: Outputs, labels: Tensor, training: Training) -> dict[str, Tensor]:
        losses = {"task": student.logits.square().sum()}
        if teacher is not None:
            losses["hint"] = (training.adapters["width"](student.hidden[-1]) - teacher.hidden[-1]).square().sum()
        if self.extras:
            losses["peer"] = training.networks["peer"](batch().inputs).logits.square().sum()
            losses["private"] = training.networks["teacher"](batch().inputs).logits.square().sum()
        return losses


def training_of(method: Method | None = None, recipe: Recipe = PLAIN, seed: int = 0, **changes: Any) -> Training:
    teacher = network("wide", 9).requires_grad_(False).eval()
    parts = {"teacher": teacher, "quiz": None} | changes
    return Training(
        method or Everything(),
        network("narrow", 0),
        blank=batch(count=2),
        recipe=recipe,
        seed=seed,
        new_student=lambda number: network("narrow", number),
        **parts,
    )


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in module.named_parameters()}


def moved(module: nn.Module, before: dict[str, Tensor]) -> bool:
    """Whether all weights moved (True) or none did (False)."""
    (answer,) = {not torch.equal(each, before[name]) for name, each in module.named_parameters()}
    return answer


def step(training: Training, number: int = 0) -> None:
    Everything.step(Everything() if training.networks else Everything(extras=False), training, batch(number))


def test_an_update_trains_student_adapters_and_networks_without_an_own_optimiser() -> None:
    training = training_of()
    modules = {"student": training.student, "adapters": training.adapters, **training.networks}
    before = {name: weights(module) for name, module in modules.items()}
    training.begin(Everything().parts[0])
    step(training)
    moves = {name: moved(module, before[name]) for name, module in modules.items()}
    assert moves == {"student": True, "adapters": True, "peer": True, "teacher": False}


def test_extra_parameters_are_all_that_is_trained_beside_the_student() -> None:
    training = training_of()
    extras = (training.adapters, training.networks["peer"], training.networks["teacher"])
    assert training.extra_parameters() == sum(each.numel() for module in extras for each in module.parameters())
    assert training_of(Everything(extras=False)).extra_parameters() == 6 * 8 + 8


def test_a_step_of_sgd_is_the_textbooks() -> None:
    recipe = replace(PLAIN, momentum=0.9, weight_decay=0.01)
    training = training_of(Everything(extras=False), recipe)
    training.begin(Stage("only"))
    reference = network("narrow", 0)
    momenta: dict[str, Tensor] = {}
    for number in range(3):
        step(training, number)
        gradients = torch.autograd.grad(
            reference(batch(number).inputs).logits.square().sum(), list(reference.parameters())
        )
        with torch.no_grad():
            for (name, weight), gradient in zip(reference.named_parameters(), gradients, strict=True):
                momenta[name] = 0.9 * momenta.get(name, 0) + gradient + 0.01 * weight
                weight -= 0.1 * momenta[name]
    for ours, theirs in zip(training.student.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_every_stage_has_a_fresh_optimiser(optimiser: str) -> None:
    training = training_of(recipe=replace(RECIPE, optimiser=optimiser))
    first, second = Everything().parts
    training.begin(first)
    step(training)
    old = training._optimiser
    assert old.state
    training.begin(second)
    assert training._optimiser is not old
    assert not training._optimiser.state


def test_the_schedule_restarts_in_every_stage() -> None:
    training = training_of(recipe=replace(PLAIN, schedule=Schedule("linear")))
    for stage in Everything().parts:
        training.begin(stage)
        assert (training.progress, training.learning_rate) == (0.0, 0.1)
        training.advance(0.75)
        assert training.learning_rate == pytest.approx(0.025)
        assert [group["lr"] for group in training._optimiser.param_groups] == [training.learning_rate]


def test_a_stage_of_constant_rate_follows_no_schedule() -> None:
    training = training_of(recipe=replace(PLAIN, schedule=Schedule("cosine", warmup=0.5)))
    training.begin(Stage("layers", constant_rate=True))
    assert training.learning_rate == 0.1
    training.advance(0.9)
    assert training.learning_rate == 0.1


def test_a_stage_may_have_a_rate_of_its_own() -> None:
    training = training_of(recipe=replace(PLAIN, schedule=Schedule("linear")))
    training.begin(Stage("prediction", rate=0.5))
    training.advance(0.5)
    assert training.learning_rate == pytest.approx(0.1 * 0.5 * 0.5)
    assert [group["lr"] for group in training._optimiser.param_groups] == [training.learning_rate]


def test_the_gradient_is_clipped_network_by_network() -> None:
    training = training_of(recipe=replace(PLAIN, gradient_clip=0.01, learning_rate=1.0))
    parts = [[training.student, training.adapters], [training.networks["peer"]]]
    before = [[weights(module) for module in part] for part in parts]
    training.begin(Everything().parts[0])
    step(training)
    for part, old in zip(parts, before, strict=True):
        gaps = [
            (each.detach() - was[name]).square().sum()
            for module, was in zip(part, old, strict=True)
            for name, each in module.named_parameters()
        ]
        assert float(sum(gaps).sqrt()) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "rate"), [("resnet20", 0.1), ("mobilenetv2", 0.01), ("cifar_mobilenetv2", 0.01), ("vit_tiny", 0.02)]
)
def test_networks_may_have_values_of_their_own(name: str, rate: float) -> None:
    overrides = {"*mobilenet*": {"learning_rate": 0.01}, "vit*": {"learning_rate": 0.02}}
    resolved = replace(PLAIN, overrides=overrides).resolved(name)
    assert resolved == replace(PLAIN, learning_rate=rate)


def test_losses_are_summed_until_they_are_cleared() -> None:
    training = training_of()
    training.begin(Stage("only"))
    for value in (1.0, 2.5):
        weight = next(training.student.parameters())
        training.update({"a": 0 * weight.sum() + value, "b": torch.tensor(0.25)})
    assert float(training.loss_sum) == 4.0
    assert not training.loss_sum.requires_grad


def test_adapters_are_a_function_of_the_seed_and_leave_the_global_generator() -> None:
    torch.manual_seed(1)
    first = weights(training_of().adapters)
    torch.manual_seed(2)
    untouched = torch.get_rng_state()
    again = weights(training_of().adapters)
    assert torch.equal(torch.get_rng_state(), untouched)
    other = weights(training_of(seed=1).adapters)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["width.weight"], other["width.weight"])


def test_looking_at_shapes_leaves_mode_and_buffers() -> None:
    training = training_of()
    reference = network("narrow", 0)
    assert training.student.training
    assert not training.teacher.training
    for name, buffer in training.student.named_buffers():
        assert torch.equal(buffer, reference.get_buffer(name))


@dataclass(frozen=True)
class Alone(Method):
    """Adapters without a teacher, as self-distillation has them."""

    def adapters(self, student: Outputs, teacher: Outputs | None) -> dict[str, nn.Module]:
        assert teacher is None
        return {"width": nn.Linear(student.hidden[-1].shape[2], 5)}


def test_a_method_without_a_teacher_has_adapters_too() -> None:
    training = training_of(Alone(), teacher=None)
    assert training.adapters["width"].weight.shape == (5, 6)


def test_a_stage_gets_what_it_needs() -> None:
    training = training_of()
    first, second = Everything().parts
    training.begin(first)
    teacher = training.observe_teacher(batch())
    assert len(teacher.hidden) == len(training.observe_student(batch()).hidden) == 3
    assert not teacher.logits.requires_grad
    training.begin(second)
    assert training.observe_teacher(batch()) is None
    assert training.observe_student(batch()).hidden == ()


def test_a_new_teacher_is_a_private_trainable_copy_in_eval_mode() -> None:
    training = training_of(Everything(extras=False))
    private, fixed = training.new_teacher(), weights(training.teacher)
    assert all(each.requires_grad for each in private.parameters())
    assert not private.training
    with torch.no_grad():
        for each in private.parameters():
            each += 1
    assert not moved(training.teacher, fixed)
    assert not any(each.requires_grad for each in training.teacher.parameters())


def test_the_quiz_is_the_streams_next_batch_and_its_absence_is_said() -> None:
    quiz = batch(3)
    assert training_of(quiz=repeat(quiz)).quiz() is quiz
    with pytest.raises(RuntimeError, match=r"quiz_share\(\) is 0"):
        training_of().quiz()


def test_a_batch_that_is_read_instead_of_the_quiz_is_not_counted() -> None:
    training = training_of(quiz=iter([batch(3)]))
    training.begin(training.stage)
    with training.reading(torch.zeros(()), torch.zeros(()), batch(4)):
        training.quiz()
    assert training.quizzes == 0
    training.quiz()
    assert training.quizzes == 1


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_state_holds_all_that_steps_change(optimiser: str) -> None:
    recipe = replace(PLAIN, optimiser=optimiser, momentum=0.9)

    def step(training: Training) -> None:
        losses = Everything().loss(training.observe_student(batch()), None, batch().labels, training)
        training.update(losses)
        training.optimisers["teacher"].step()
        training.optimisers["teacher"].zero_grad()

    def started() -> Training:
        training = training_of(recipe=recipe)
        training.begin(Stage("second", 0.5))
        return training

    def everything(training: Training) -> list[Tensor]:
        modules = (training.student, training.adapters, *training.networks.values())
        return [tensor for module in modules for tensor in module.state_dict().values()]

    first = started()
    step(first)
    first.played_steps, first.quizzes = 3, 5
    second = started()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert (second.played_steps, second.quizzes) == (3, 5)
    step(first)
    step(second)
    assert all(torch.equal(*pair) for pair in zip(everything(first), everything(second), strict=True))


def test_what_a_method_sets_on_its_training_is_named() -> None:
    training = training_of()
    training.begin(training.stage)
    training.advance(0.5)
    assert training.foreign_attributes() == []
    training.seen = 1
    assert training.foreign_attributes() == ["seen"]


def test_stage_needs_and_shares_are_checked() -> None:
    with pytest.raises(ValueError, match=r"needs \['maps'\]"):
        Stage("a", needs=frozenset({"maps"}))
    with pytest.raises(ValueError, match=r"has share 1\.5"):
        Stage("a", share=1.5)
    assert stage_steps(Everything().parts, 5) == [2, 3]
