"""MetaDistil: the gradient through the pilot step, and what a step leaves behind."""

from __future__ import annotations

import copy

import pytest
import torch
from method_helpers import FakeTraining, batches, build, training_for
from torch import Tensor, nn

from bench.method import Batch, Method

RATE = 0.3


def double(batch: Batch) -> Batch:
    return batch if isinstance(batch.inputs, dict) else batch._replace(inputs=batch.inputs.double())


def prepared(kind: str, **parameters) -> tuple[Method, FakeTraining, Batch, Batch]:
    """A float64 training, its batch, and the quiz it will draw."""
    modality = "text" if kind == "text" else "image"
    method = build("metadistil", modality, pilot_rate=RATE, **parameters)
    training = training_for(method, kind)
    for network in (training.student, training.teacher, training.adapters, training.networks["teacher"]):
        network.double()
    training.quizzes = [double(quiz) for quiz in training.quizzes]
    return method, training, double(batches(modality, 0)), training.quizzes[0]


def quiz_loss_by_hand(
    training: FakeTraining, teacher: nn.Module, batch: Batch, quiz: Batch, alpha: float, temperature: float
) -> float:
    """The quiz's cross-entropy of a copy of the student after one real step of plain gradient descent."""
    pilot = copy.deepcopy(training.student)
    with torch.no_grad():
        soft = (teacher(batch.inputs).logits / temperature).softmax(dim=1)
    logits = pilot(batch.inputs).logits
    log = (logits / temperature).log_softmax(dim=1)
    kl = (soft * (soft.log() - log)).sum(dim=1).mean()
    task = -logits.log_softmax(dim=1)[range(len(batch.labels)), batch.labels].mean()
    ((1 - alpha) * task + alpha * temperature**2 * kl).backward()
    with torch.no_grad():
        for weight in pilot.parameters():
            if weight.grad is not None:
                weight -= RATE * weight.grad
        log = pilot(quiz.inputs).logits.log_softmax(dim=1)
    return float(-log[range(len(quiz.labels)), quiz.labels].mean())


@pytest.mark.parametrize("kind", ["conv", "vit", "text"])
def test_the_teachers_gradient_equals_finite_differences(kind: str) -> None:
    method, training, batch, quiz = prepared(kind, beta=0.0)
    teacher = training.networks["teacher"]
    parameters = dict(teacher.named_parameters())
    loss = method.quiz_loss(training, batch, quiz)
    assert loss.item() == pytest.approx(quiz_loss_by_hand(training, teacher, batch, quiz, 0.5, 5.0), rel=1e-10)
    gradients = torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True)
    assert max(gradient.abs().max() for gradient in gradients) > 1e-4
    for (name, weight), gradient in zip(parameters.items(), gradients, strict=True):
        index, step, ends = int(gradient.abs().argmax()), 1e-4, []
        flat = weight.data.view(-1)
        for sign in (1, -1):
            flat[index] += sign * step
            ends.append(quiz_loss_by_hand(training, teacher, batch, quiz, 0.5, 5.0))
            flat[index] -= sign * step
        numeric = (ends[0] - ends[1]) / (2 * step)
        assert float(gradient.view(-1)[index]) == pytest.approx(numeric, rel=1e-4, abs=1e-9), name


def test_a_step_is_teacher_first_then_the_student_on_the_same_batch() -> None:
    method, training, batch, quiz = prepared("conv", teacher_rate=0.2, temperature=2.0, alpha=0.4)
    student, teacher = copy.deepcopy(training.student), copy.deepcopy(training.networks["teacher"])
    loss = method.quiz_loss(training, batch, quiz)
    weights = list(training.networks["teacher"].parameters())
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    training.student.load_state_dict(student.state_dict())

    method.step(training, batch)

    # The teacher's own optimiser: the first step of SGD with weight decay 5e-4, without momentum yet.
    with torch.no_grad():
        for weight, gradient in zip(teacher.parameters(), gradients, strict=True):
            weight -= 0.2 * (gradient + 5e-4 * weight)
    for weight, expected in zip(weights, teacher.parameters(), strict=True):
        torch.testing.assert_close(weight, expected)

    # The student: one forward in train mode from the old weights and buffers, with the new teacher.
    soft = (teacher(batch.inputs).logits.detach() / 2).softmax(dim=1)
    logits = student(batch.inputs).logits
    kl = (soft * (soft.log() - (logits / 2).log_softmax(dim=1))).sum(dim=1).mean()
    task = -logits.log_softmax(dim=1)[range(len(batch.labels)), batch.labels].mean()
    (0.6 * task + 0.4 * 4 * kl).backward()
    with torch.no_grad():
        for weight in student.parameters():
            weight -= training.learning_rate * weight.grad
    for key, value in student.state_dict().items():
        torch.testing.assert_close(training.student.state_dict()[key], value)
    assert int(training.student.stages[0][1].num_batches_tracked) == 1


def test_a_step_leaves_no_gradient_on_the_teacher_and_keeps_its_mode() -> None:
    method, training, batch, _ = prepared("conv")
    teacher = training.networks["teacher"]
    buffers = {name: buffer.clone() for name, buffer in teacher.named_buffers()}
    frozen = {name: value.clone() for name, value in training.teacher.state_dict().items()}
    method.step(training, batch)
    assert all(weight.grad is None for weight in teacher.parameters())
    assert not teacher.training
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in teacher.named_buffers())
    assert all(torch.equal(value, frozen[name]) for name, value in training.teacher.state_dict().items())


def test_only_the_pilot_forward_asks_for_second_order_kernels() -> None:
    method, training, batch, _ = prepared("vit")
    asked: list[frozenset[str]] = []
    forward = training.student.forward

    def recorded(inputs: Tensor, needs: frozenset[str] = frozenset()):
        asked.append(needs)
        return forward(inputs, needs)

    training.student.forward = recorded
    method.step(training, batch)
    assert asked == [frozenset({"second_order"}), frozenset(), frozenset()]


def test_the_pilot_follows_the_students_learning_rate_for_images() -> None:
    _, training, batch, quiz = prepared("vit")
    following, fixed = build("metadistil"), build("metadistil", pilot_rate=0.125)
    training.learning_rate = 0.125
    follows, stays = (method.quiz_loss(training, batch, quiz).item() for method in (following, fixed))
    assert follows == stays
    training.learning_rate = 0.25
    follows, stays = (method.quiz_loss(training, batch, quiz).item() for method in (following, fixed))
    assert follows != stays


def test_text_adds_the_term_of_pkd() -> None:
    method, training, batch, _ = prepared("text")
    student, teacher = (net(batch.inputs, frozenset({"hidden"})) for net in (training.student, training.teacher))
    losses = method.losses(student, teacher, batch.labels, training)
    # One layer of two is compared: the first with the second of four.
    ours, theirs = training.adapters["layer1"](student.hidden[1][:, 0]), teacher.hidden[2][:, 0]
    gap = ours / ours.norm(dim=1, keepdim=True) - theirs / theirs.norm(dim=1, keepdim=True)
    assert losses["pkd"].item() == pytest.approx(100 * gap.square().mean().item(), rel=1e-10)
    assert set(losses) == {"task", "kd", "pkd"}


@pytest.mark.parametrize(("modality", "optimiser"), [("image", torch.optim.SGD), ("text", torch.optim.AdamW)])
def test_the_teachers_optimiser(modality: str, optimiser: type) -> None:
    training = training_for(build("metadistil", modality), "conv" if modality == "image" else "text")
    ours = training.optimisers["teacher"]
    assert type(ours) is optimiser
    group = ours.param_groups[0]
    assert group["lr"] == {"image": 1e-4, "text": 1e-5}[modality]
    assert group["weight_decay"] == {"image": 5e-4, "text": 0.0}[modality]
    assert group["params"] == list(training.networks["teacher"].parameters())
