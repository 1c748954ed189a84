"""Every method in a training of small networks: what is trained, what is not, and what the stages say."""

from __future__ import annotations

import pytest
import torch
from method_helpers import NAMES, FakeTraining, batches, build, training_for
from torch import Tensor

from bench.method import Method, Outputs

KINDS = [
    (name, kind)
    for name in NAMES
    for kind in ("conv", "vit", "text")
    if not (kind == "conv" and name in ("tinybert", "minilm"))
]


def modality(kind: str) -> str:
    return "text" if kind == "text" else "image"


def run(method: Method, training: FakeTraining, kind: str, steps: int = 2) -> None:
    """Some steps of every stage."""
    for stage in method.stages():
        training.stage = stage
        for step in range(steps):
            training.progress = step / steps
            method.step(training, batches(modality(kind), step))
            assert all(loss.isfinite() for loss in training.losses.values())


def state(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_student_and_every_adapter_are_trained_and_the_teacher_is_not(name: str, kind: str) -> None:
    method = build(name, modality(kind))
    training = training_for(method, kind)
    teacher, student, adapters = state(training.teacher), state(training.student), state(training.adapters)
    training.stage = method.stages()[0]
    method.step(training, batches(modality(kind), 0))
    for key in adapters:
        if "num_batches_tracked" not in key and "running" not in key:
            gradient = training.gradients[f"adapters.{key}"]
            assert gradient is not None
            assert gradient.abs().max() > 0
            assert not torch.equal(adapters[key], training.adapters.state_dict()[key])
    run(method, training, kind)
    assert all(torch.equal(value, training.teacher.state_dict()[key]) for key, value in teacher.items())
    assert all(weight.grad is None for weight in training.teacher.parameters())
    moved = [key for key, value in student.items() if not torch.equal(value, training.student.state_dict()[key])]
    assert {key for key, _ in training.student.named_parameters()} <= set(moved)


@pytest.mark.parametrize("name", NAMES)
def test_shares_of_the_stages_sum_to_one(name: str) -> None:
    stages = build(name).stages()
    assert sum(stage.share for stage in stages if not stage.extra) == pytest.approx(1.0)
    assert stages[-1].trains_classifier
    assert len({stage.name for stage in stages}) == len(stages)


def test_stages_are_the_published_ones() -> None:
    def shares(method: Method) -> list[tuple[float, bool, bool]]:
        return [(stage.share, stage.trains_classifier, stage.extra) for stage in method.stages()]

    assert shares(build("fitnets")) == [(1 / 6, False, False), (5 / 6, True, False)]
    assert shares(build("fitnets", single_stage=True)) == [(1, True, False)]
    assert shares(build("fsp")) == [(1 / 8, False, False), (7 / 8, True, False)]
    # 30 epochs on top of 240.
    assert shares(build("fsp", on_top=True)) == [(1 / 8, False, True), (1, True, False)]
    assert shares(build("tinybert")) == [(3 / 4, False, False), (1 / 4, True, False)]
    assert [stage.constant_rate for stage in build("tinybert").stages()] == [True, False]
    # 5e-5, then 3e-5.
    assert [stage.rate for stage in build("tinybert").stages()] == [1, pytest.approx(3e-5 / 5e-5)]
    assert shares(build("minilm")) == [(1 / 2, False, False), (1 / 2, True, False)]


@pytest.mark.parametrize("name", NAMES)
def test_a_teacher_is_asked_for_by_all_but_scratch_and_dml(name: str) -> None:
    assert build(name).uses_teacher == (name not in ("scratch", "dml"))


def test_the_second_stage_of_fsp_runs_without_the_teacher() -> None:
    assert build("fsp").stages()[1].needs == frozenset()


@pytest.mark.parametrize(
    ("name", "parameters", "kind", "stage"),
    [
        ("scratch", {}, "conv", 0),
        ("kd", {}, "conv", 0),
        ("fitnets", {}, "conv", 0),
        ("fitnets", {}, "conv", 1),
        ("at", {"form": "received"}, "vit", 0),
        ("at", {"form": "code"}, "vit", 0),
        ("minilm", {}, "vit", 0),
        ("tinybert", {}, "vit", 1),
    ],
)
def test_outputs_that_a_stage_did_not_ask_for_are_not_there(name, parameters, kind, stage) -> None:
    """The fake gives no more than the needs say, so a method that reads more than it asked for fails."""
    method = build(name, **parameters)
    training = training_for(method, kind)
    training.stage = method.stages()[stage]
    batch = batches("image", 0)
    student = training.observe_student(batch)
    assert bool(student.hidden) == ("hidden" in training.stage.needs)
    assert bool(student.attention) == ("qkv" in training.stage.needs)
    losses = method.loss(student, training.observe_teacher(batch), batch.labels, training)
    assert all(loss.ndim == 0 and loss.dtype == torch.float32 for loss in losses.values())


def test_hints_leave_the_rest_of_the_student_alone() -> None:
    method = build("fitnets")
    training = training_for(method, "conv")
    method.step(training, batches("image", 0))
    untouched = {key for key, gradient in training.gradients.items() if gradient is None}
    behind = {
        f"student.{key}" for key, _ in training.student.named_parameters() if key.startswith(("stages.3", "head"))
    }
    assert untouched == behind


def test_relations_give_no_gradient_behind_the_last_projection() -> None:
    method = build("minilm")
    training = training_for(method, "vit")
    method.step(training, batches("image", 0))
    untouched = {key for key, gradient in training.gradients.items() if gradient is None}
    assert untouched == {f"student.{key}" for key in ("mixers.1.weight", "mixers.1.bias", "head.weight", "head.bias")}


# --- attention transfer by gradients ---


@pytest.mark.parametrize("kind", ["conv", "vit"])
def test_at_gradient_matches_finite_differences(kind: str) -> None:
    method = build("at", form="gradient", weight=10.0)
    training = training_for(method, kind)
    training.student.double()
    training.teacher.double()
    training.learning_rate = 0.0
    batch = batches("image", 0)
    batch = batch._replace(inputs=batch.inputs.double())

    def input_energy(network: torch.nn.Module) -> Tensor:
        """The energy of ∂CE/∂image, by central differences of the cross-entropy of each example."""
        step, energy = 1e-5, torch.zeros(len(batch.labels), 3, 8, 8, dtype=torch.float64)
        for c in range(3):
            for y in range(8):
                for x in range(8):
                    ends = []
                    for sign in (1, -1):
                        moved = batch.inputs.clone()
                        moved[:, c, y, x] += sign * step
                        logits = network(moved).logits
                        ends.append(-logits.log_softmax(dim=1)[range(len(logits)), batch.labels])
                    energy[:, c, y, x] = (ends[0] - ends[1]) / (2 * step)
        energy = energy.square().mean(dim=1).flatten(1)
        return energy / energy.square().sum(dim=1, keepdim=True).sqrt()

    # Batch norm in eval mode, so that one example's loss depends on its own image alone.
    training.student.eval()
    with torch.no_grad():
        expected = 10 * (input_energy(training.student) - input_energy(training.teacher)).square().mean()
    method.step(training, batch)
    assert float(training.losses["at"]) == pytest.approx(float(expected), rel=1e-5)

    gradients = {key: gradient.clone() for key, gradient in training.gradients.items()}

    def loss() -> float:
        method.step(training, batch)
        return float(sum(training.losses.values()))

    name, weight = max(training.student.named_parameters(), key=lambda item: item[1].numel())
    for index in (0, weight.numel() // 2, weight.numel() - 1):
        flat, step, ends = weight.data.view(-1), 1e-6, []
        for sign in (1, -1):
            flat[index] += sign * step
            ends.append(loss())
            flat[index] -= sign * step
        numeric = (ends[0] - ends[1]) / (2 * step)
        assert float(gradients[f"student.{name}"].view(-1)[index]) == pytest.approx(numeric, rel=1e-4, abs=1e-9)


def test_at_gradient_of_a_sure_teacher_is_not_lost() -> None:
    """Very small gradients, whose squares would be nothing in float32, give the same attention."""
    method = build("at", form="gradient")
    training = training_for(method, "conv")
    batch = batches("image", 0)
    with torch.no_grad():
        # The logits hardly depend on the image: the energies are near 1e-16, below the usual epsilon.
        training.teacher.head.weight.mul_(1e-6)
    method.step(training, batch)
    small = training.losses["at"]
    training = training_for(method, "conv")
    with torch.no_grad():
        training.teacher.head.weight.mul_(1e-3)
    method.step(training, batch)
    torch.testing.assert_close(small, training.losses["at"], rtol=1e-3, atol=0)


# --- deep mutual learning ---


@pytest.mark.parametrize("peers", [2, 3])
def test_dml_every_peer_learns_from_the_labels_and_the_others(peers: int) -> None:
    method = build("dml", peers=peers)
    training = training_for(method, "conv")
    assert list(training.networks) == [f"peer{k}" for k in range(1, peers)]
    networks = [training.student, *training.networks.values()]
    firsts = [next(network.parameters()).detach().clone() for network in networks]
    assert not any(torch.equal(firsts[0], other) for other in firsts[1:])
    batch = batches("image", 0)
    with torch.no_grad():
        logits = [network(batch.inputs).logits.double() for network in networks]
    method.step(training, batch)
    log = [x.log_softmax(dim=1) for x in logits]
    for i in range(peers):
        task = -log[i][range(len(batch.labels)), batch.labels].mean()
        mutual = sum((log[j].exp() * (log[j] - log[i])).sum(dim=1).mean() for j in range(peers) if j != i) / (peers - 1)
        assert float(training.losses[f"task{i}"]) == pytest.approx(float(task), rel=1e-5)
        assert float(training.losses[f"mutual{i}"]) == pytest.approx(float(mutual), rel=1e-4)
        assert not torch.equal(firsts[i], next(networks[i].parameters()))


def test_dml_peers_teach_detached() -> None:
    """The student's gradient is that of its own losses with the other's distribution held fixed."""
    method = build("dml")
    training = training_for(method, "vit")
    batch = batches("image", 0)
    own = training.student(batch.inputs).logits
    with torch.no_grad():
        other = training.networks["peer1"](batch.inputs).logits.softmax(dim=1)
    log = own.log_softmax(dim=1)
    loss = -log[range(len(batch.labels)), batch.labels].mean() + (other * (other.log() - log)).sum(dim=1).mean()
    expected = torch.autograd.grad(loss, list(training.student.parameters()))
    method.step(training, batch)
    for (name, _), gradient in zip(training.student.named_parameters(), expected, strict=True):
        torch.testing.assert_close(training.gradients[f"student.{name}"], gradient)


def test_outputs_type_is_what_the_contract_says() -> None:
    """The fakes themselves keep to the contract of `Outputs`."""
    training = training_for(build("tinybert"), "vit")
    outputs = training.observe_student(batches("image", 0))
    assert isinstance(outputs, Outputs)
    assert outputs.hidden[0].shape[1] == outputs.prefix + outputs.grids[0][0] * outputs.grids[0][1]
