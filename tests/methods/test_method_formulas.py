"""What each method computes, against its paper's formula written out in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from method_helpers import (
    CLASSES,
    LABELS,
    FakeTraining,
    assert_same,
    build,
    conv_outputs,
    cross_entropy,
    half,
    kl,
    leaves,
    perturbed_padding,
    random,
    token_outputs,
)
from torch import Tensor, nn

from bench.method import Method, Outputs

B = 3


def pair(kind: str, equal_widths: bool = False) -> tuple[Outputs, Outputs]:
    """A student, whose tensors are variables, and its teacher."""
    if kind == "conv":
        # The student's second stage is half as large as the teacher's.
        widths = (4, 6, 6, 8) if equal_widths else (3, 4, 5, 6)
        student, teacher = (
            conv_outputs(0, widths, (4, 4, 2, 2)),
            conv_outputs(500, (4, 6, 6, 8), (4, 4, 4, 2)),
        )
    else:
        prefix = 1 if kind == "vit" else None
        width = 6 if equal_widths else 4
        student, teacher = (
            token_outputs(0, width, 3, prefix=prefix),
            token_outputs(50000, 6, 6, prefix=prefix),
        )
    for tensor in leaves(student):
        tensor.requires_grad_()
    return student, teacher


def train(method: Method, student: Outputs, teacher: Outputs, stage: int = 0, progress: float = 0.0) -> FakeTraining:
    """A training in a stage of the method, with its adapters in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        adapters = nn.ModuleDict(method.adapters(student, teacher)).double()
    return FakeTraining(adapters=adapters, stage=method.stages()[stage], progress=progress)


def total(method: Method, student: Outputs, teacher: Outputs | None, training: FakeTraining) -> Tensor:
    return sum(method.loss(student, teacher, LABELS, training).values())


def check(method: Method, student: Outputs, teacher: Outputs, training: FakeTraining, reference: Tensor) -> None:
    variables = [*leaves(student), *training.adapters.parameters()]
    assert_same(total(method, student, teacher, training), reference, variables)


def real(outputs: Outputs, b: int) -> list[int]:
    """The positions of the real tokens of example b."""
    count = outputs.hidden[0].shape[1]
    return [i for i in range(count) if outputs.mask is None or outputs.mask[b, i]]


def maps(outputs: Outputs, layer: int) -> Tensor:
    """(B, D, H, W), position by position."""
    height, width = outputs.grids[layer]
    rows = [
        torch.stack([outputs.hidden[layer][:, outputs.prefix + y * width + x] for x in range(width)], dim=2)
        for y in range(height)
    ]
    return torch.stack(rows, dim=2)


def unit(vector: Tensor) -> Tensor:
    return vector / vector.square().sum().sqrt()


def kd_term(student: Outputs, teacher: Outputs, temperature: float) -> Tensor:
    rows = [kl(teacher.logits[b] / temperature, student.logits[b] / temperature) for b in range(B)]
    return temperature**2 * sum(rows) / B


def kd_sum(student: Outputs, teacher: Outputs, alpha: float, temperature: float) -> Tensor:
    task = cross_entropy(student.logits, LABELS)
    return (1 - alpha) * task + alpha * kd_term(student, teacher, temperature)


def soft_cross_entropy(student: Outputs, teacher: Outputs, temperature: float) -> Tensor:
    rows = 0.0
    for b in range(B):
        p = (teacher.logits[b] / temperature).exp()
        q = (student.logits[b] / temperature).exp()
        rows = rows - sum(p[c] / p.sum() * (q[c] / q.sum()).log() for c in range(CLASSES))
    return rows / B


@pytest.mark.parametrize("kind", ["conv", "vit", "text"])
def test_scratch_is_the_task_loss(kind: str) -> None:
    student, _ = pair(kind)
    method = build("scratch")
    assert_same(total(method, student, None, FakeTraining()), cross_entropy(student.logits, LABELS), leaves(student))


@pytest.mark.parametrize(("modality", "alpha", "temperature"), [("image", 0.9, 4.0), ("text", 0.5, 2.0)])
def test_kd(modality: str, alpha: float, temperature: float) -> None:
    student, teacher = pair("conv")
    method = build("kd", modality)
    check(
        method,
        student,
        teacher,
        train(method, student, teacher),
        kd_sum(student, teacher, alpha, temperature),
    )


def test_fitnets_conv_hint_goes_through_convolution_batch_norm_and_relu() -> None:
    student, teacher = pair("conv")
    method = build("fitnets")
    training = train(method, student, teacher)
    convolution, norm, _ = training.adapters["regressor"]
    with torch.no_grad():
        norm.weight.copy_(random(1, 6).abs())
        norm.bias.copy_(random(2, 6))
    ours, theirs = maps(student, 2), half(maps(teacher, 2))
    ours = torch.einsum("od,bdyx->boyx", convolution.weight[:, :, 0, 0], ours)
    mean = ours.mean(dim=(0, 2, 3), keepdim=True)
    variance = (ours - mean).square().mean(dim=(0, 2, 3), keepdim=True)
    scaled = (ours - mean) / (variance + 1e-5).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
    check(method, student, teacher, training, 100 * (scaled.clamp(min=0) - theirs).square().mean())


def test_fitnets_vit_hint_is_linear_on_the_grid() -> None:
    student, teacher = pair("vit")
    method = build("fitnets")
    training = train(method, student, teacher)
    weight, bias = training.adapters["regressor"].weight[:, :, 0, 0], training.adapters["regressor"].bias
    # The middle of 3 layers is the second, of 6 the third; the first token is [CLS].
    squares = [
        (weight @ student.hidden[2][b, i] + bias - teacher.hidden[3][b, i]).square().mean()
        for b in range(B)
        for i in range(1, 7)
    ]
    check(method, student, teacher, training, 100 * sum(squares) / len(squares))


def test_fitnets_text_hint_is_linear_on_real_tokens() -> None:
    student, teacher = pair("text")
    method = build("fitnets", "text")
    training = train(method, student, teacher)
    weight, bias = training.adapters["regressor"].weight, training.adapters["regressor"].bias
    squares = [
        (weight @ student.hidden[2][b, i] + bias - teacher.hidden[3][b, i]).square().mean()
        for b in range(B)
        for i in real(student, b)
    ]
    check(method, student, teacher, training, 100 * sum(squares) / len(squares))


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 4.0), (0.5, 2.5), (0.9, 1.3)])
def test_fitnets_second_stage_lets_the_soft_term_fall_from_4_to_1(progress: float, weight: float) -> None:
    student, teacher = pair("conv")
    method = build("fitnets")
    reference = cross_entropy(student.logits, LABELS) + weight * soft_cross_entropy(student, teacher, 3.0)
    check(method, student, teacher, train(method, student, teacher, 1, progress), reference)


def test_fitnets_single_stage_adds_the_task() -> None:
    student, teacher = pair("text")
    single, two = build("fitnets", single_stage=True), build("fitnets")
    training = train(two, student, teacher)
    reference = cross_entropy(student.logits, LABELS) + total(two, student, teacher, training)
    training.stage = single.stages()[0]
    check(single, student, teacher, training, reference)


def energy(x: Tensor) -> Tensor:
    """mean_c x² of one example's map (D, H, W), of unit length."""
    return unit((sum(channel**2 for channel in x) / len(x)).flatten())


@pytest.mark.parametrize("form", ["code", "paper"])
@pytest.mark.parametrize("kind", ["conv", "vit"])
def test_at_compares_the_energy_of_every_stage_but_the_stem(kind: str, form: str) -> None:
    student, teacher = pair(kind)
    layers = [(1, 1), (2, 2), (3, 3)] if kind == "conv" else [(1, 2), (2, 4), (3, 6)]
    reference = cross_entropy(student.logits, LABELS)
    for m, g in layers:
        ours, theirs = maps(student, m), maps(teacher, g)
        if ours.shape[2:] != theirs.shape[2:]:
            theirs = half(theirs)
        for b in range(B):
            gap = energy(ours[b]) - energy(theirs[b])
            square = gap.square().sum()
            distance = square / len(gap) if form == "code" else square.sqrt() / (2 * len(gap))
            reference = reference + 1000 * distance / B
    method = build("at", form=form)
    check(method, student, teacher, train(method, student, teacher), reference)


def test_at_text_compares_the_attention_that_real_tokens_receive() -> None:
    student, teacher = pair("text")

    def received(outputs: Outputs, layer: int, b: int) -> Tensor:
        tokens, (queries, keys, _) = real(outputs, b), outputs.attention[layer - 1]
        result = 0.0
        for h in range(2):
            for i in tokens:
                row = torch.stack([queries[b, h, i] @ keys[b, h, j] for j in tokens]) / queries.shape[3] ** 0.5
                result = result + row.exp() / row.exp().sum()
        return unit(result / (2 * len(tokens)))

    count = sum(len(real(student, b)) for b in range(B))
    reference = cross_entropy(student.logits, LABELS)
    for m, g in [(1, 2), (2, 4), (3, 6)]:
        for b in range(B):
            gap = received(student, m, b) - received(teacher, g, b)
            reference = reference + 1000 * gap.square().sum() / count
    method = build("at", "text")
    check(method, student, teacher, train(method, student, teacher), reference)


def test_fsp_compares_the_flow_between_consecutive_stages() -> None:
    student, teacher = pair("conv", equal_widths=True)

    def flow(outputs: Outputs, layer: int, b: int) -> Tensor:
        first, second = maps(outputs, layer), maps(outputs, layer + 1)
        if first.shape[2:] != second.shape[2:]:
            first = half(first)
        height, width = first.shape[2:]
        products = [torch.outer(first[b, :, y, x], second[b, :, y, x]) for y in range(height) for x in range(width)]
        return sum(products) / (height * width)

    reference = sum((flow(student, m, b) - flow(teacher, m, b)).square().mean() / B for m in range(3) for b in range(B))
    method = build("fsp")
    check(method, student, teacher, train(method, student, teacher), reference)


@pytest.mark.parametrize("kind", ["vit", "text"])
def test_fsp_on_transformers_compares_mapped_layers(kind: str) -> None:
    student, teacher = pair(kind, equal_widths=True)

    def flow(outputs: Outputs, a: int, b: int, example: int) -> Tensor:
        tokens = [i for i in real(outputs, example) if i >= outputs.prefix]
        products = [torch.outer(outputs.hidden[a][example, i], outputs.hidden[b][example, i]) for i in tokens]
        return sum(products) / len(tokens)

    reference = sum(
        (flow(student, m, m + 1, b) - flow(teacher, 2 * m, 2 * m + 2, b)).square().mean() / B
        for m in range(3)
        for b in range(B)
    )
    method = build("fsp", "text" if kind == "text" else "image")
    check(method, student, teacher, train(method, student, teacher), reference)


def test_fsp_second_stage_is_the_task_without_a_teacher() -> None:
    student, teacher = pair("conv", equal_widths=True)
    method = build("fsp")
    reference = cross_entropy(student.logits, LABELS)
    training = train(method, student, teacher, stage=1)
    assert_same(total(method, student, None, training), reference, leaves(student))


@pytest.mark.parametrize("kind", ["conv", "vit", "text"])
def test_sp_compares_how_inputs_resemble_each_other(kind: str) -> None:
    student, teacher = pair(kind)

    def similarity(outputs: Outputs, i: int) -> Tensor:
        last = outputs.hidden[-1]
        features = [last[b, 0] if kind == "text" else last[b].reshape(-1) for b in range(B)]
        return unit(torch.stack([features[i] @ features[j] for j in range(B)]))

    gaps = [(similarity(student, i) - similarity(teacher, i)).square().sum() for i in range(B)]
    method = build("sp")
    reference = cross_entropy(student.logits, LABELS) + 3000 * sum(gaps) / B**2
    check(method, student, teacher, train(method, student, teacher), reference)


@pytest.mark.parametrize("mapping", ["skip", "last"])
@pytest.mark.parametrize("kind", ["conv", "vit", "text"])
@pytest.mark.parametrize("equal_widths", [True, False], ids=["equal", "projected"])
def test_pkd_compares_normalised_states_of_all_layers_but_the_last(kind: str, mapping: str, equal_widths: bool) -> None:
    student, teacher = pair(kind, equal_widths)
    modality = "text" if kind == "text" else "image"
    method = build("pkd", modality, mapping=mapping)
    training = train(method, student, teacher)
    layers = {("conv", "skip"): [1, 2], ("conv", "last"): [1, 2]}.get(
        (kind, mapping), [2, 4] if mapping == "skip" else [4, 5]
    )
    reference = kd_sum(student, teacher, *((0.5, 5.0) if kind == "text" else (0.9, 4.0)))
    for m, g in zip([1, 2], layers, strict=True):
        for b in range(B):
            ours, theirs = student.hidden[m][b], teacher.hidden[g][b]
            ours, theirs = (x.mean(dim=0) if kind == "conv" else x[0] for x in (ours, theirs))
            if not equal_widths:
                ours = training.adapters[f"layer{m}"].weight @ ours
            reference = reference + 100 * (unit(ours) - unit(theirs)).square().mean() / (2 * B)
    assert bool(training.adapters) == (not equal_widths)
    check(method, student, teacher, training, reference)


@pytest.mark.parametrize("kind", ["vit", "text"])
@pytest.mark.parametrize(("mapping", "layers"), [("uniform", [2, 4, 6]), ("top", [4, 5, 6]), ("bottom", [1, 2, 3])])
def test_tinybert_first_stage(kind: str, mapping: str, layers: list[int]) -> None:
    student, teacher = pair(kind)
    method = build("tinybert", mapping=mapping)
    training = train(method, student, teacher)
    weight = training.adapters["width"].weight
    tokens = {b: real(student, b) for b in range(B)}
    count, pairs = sum(map(len, tokens.values())), sum(len(t) ** 2 for t in tokens.values())
    reference = 0.0
    for m, g in zip([0, 1, 2, 3], [0, *layers], strict=True):
        for b in range(B):
            for i in tokens[b]:
                gap = weight @ student.hidden[m][b, i] - teacher.hidden[g][b, i]
                reference = reference + gap.square().sum() / (6 * count)
    for m, g in zip([1, 2, 3], layers, strict=True):
        for b in range(B):
            for h in range(2):
                ours, theirs = (
                    [
                        [layer.queries[b, h, i] @ layer.keys[b, h, j] / math.sqrt(width) for j in tokens[b]]
                        for i in tokens[b]
                    ]
                    for layer, width in ((student.attention[m - 1], 2), (teacher.attention[g - 1], 3))
                )
                gap = torch.stack([x for row in ours for x in row]) - torch.stack([x for row in theirs for x in row])
                reference = reference + gap.square().sum() / (2 * pairs)
    check(method, student, teacher, training, reference)


def test_tinybert_second_stage_is_the_soft_cross_entropy() -> None:
    student, teacher = pair("text")
    method = build("tinybert", "text")
    reference = soft_cross_entropy(student, teacher, 1.0)
    training = train(method, student, teacher, stage=1)
    assert_same(total(method, student, teacher, training), reference, leaves(student))


@pytest.mark.parametrize("kind", ["vit", "text"])
def test_minilm_first_stage_compares_the_relations_of_the_last_layer(kind: str) -> None:
    student, teacher = pair(kind)
    reference = 0.0
    for first, second in ((0, 1), (2, 2)):
        for b in range(B):
            tokens = real(student, b)
            for h in range(2):
                for i in tokens:
                    rows = [
                        torch.stack(
                            [net.attention[-1][first][b, h, i] @ net.attention[-1][second][b, h, j] for j in tokens]
                        )
                        / math.sqrt(width)
                        for net, width in ((teacher, 3), (student, 2))
                    ]
                    reference = reference + kl(*rows) / (2 * len(tokens) * B)
    method = build("minilm")
    check(method, student, teacher, train(method, student, teacher), reference)


@pytest.mark.parametrize(("modality", "alpha", "temperature"), [("image", 0.9, 4.0), ("text", 0.5, 2.0)])
def test_minilm_second_stage_is_kd(modality: str, alpha: float, temperature: float) -> None:
    student, teacher = pair("text")
    method = build("minilm", modality)
    training = train(method, student, teacher, stage=1)
    check(method, student, teacher, training, kd_sum(student, teacher, alpha, temperature))


@pytest.mark.parametrize("name", ["fitnets", "at", "fsp", "sp", "pkd", "tinybert", "minilm"])
def test_padding_cannot_change_a_loss(name: str) -> None:
    student, teacher = pair("text", equal_widths=True)
    method = build(name, "text")
    training = train(method, student, teacher)
    before = method.loss(student, teacher, LABELS, training)
    after = method.loss(perturbed_padding(student), perturbed_padding(teacher), LABELS, training)
    assert {key: value.item() for key, value in before.items()} == {key: value.item() for key, value in after.items()}
    # And a real token does change it: the check above can fail.
    other = replace(
        student,
        hidden=tuple(h + 0.1 * random(7, *h.shape) for h in student.hidden),
        attention=tuple(type(a)(*(x + 0.1 * random(8, *x.shape) for x in a)) for a in student.attention),
    )
    assert total(method, other, teacher, training).item() != sum(before.values()).item()


@pytest.mark.parametrize("name", ["fitnets", "at", "fsp", "sp", "pkd", "tinybert", "minilm"])
def test_longer_padding_cannot_change_a_loss(name: str) -> None:
    student, teacher = pair("text", equal_widths=True)
    method = build(name, "text")
    training = train(method, student, teacher)

    def longer(outputs: Outputs) -> Outputs:
        def extended(x: Tensor, dim: int) -> Tensor:
            return torch.cat([x, torch.ones_like(x.narrow(dim, 0, 2))], dim=dim)

        return replace(
            outputs,
            hidden=tuple(extended(hidden, 1) for hidden in outputs.hidden),
            mask=torch.cat([outputs.mask, torch.zeros(B, 2, dtype=torch.bool)], dim=1),
            attention=tuple(type(a)(*(extended(x, 2) for x in a)) for a in outputs.attention),
        )

    torch.testing.assert_close(
        total(method, longer(student), longer(teacher), training), total(method, student, teacher, training)
    )
