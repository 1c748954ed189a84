"""The shared losses against references written from their formulas, in float64, with loops."""

from __future__ import annotations

import math

import pytest
import torch
from method_helpers import LABELS, assert_same, cross_entropy, kl, random
from torch import Tensor

from bench.method import Attention
from methods.losses import (
    attention_loss,
    attention_received,
    relation_loss,
    soft_cross_entropy,
    soft_loss,
    task_loss,
    token_mean,
)

B, H, N, C = 3, 2, 5, 5
MASK = torch.arange(N) < torch.tensor([5, 2, 3])[:, None]


def qkv(seed: int, width: int) -> Attention:
    return Attention(*(random(seed + i, B, H, N, width).requires_grad_() for i in range(3)))


def real(mask: Tensor | None, b: int) -> list[int]:
    """The positions of the real tokens of example b."""
    return list(range(N)) if mask is None else [i for i in range(N) if mask[b, i]]


def probabilities(row: Tensor) -> Tensor:
    return row.exp() / row.exp().sum()


def test_task_loss_is_the_cross_entropy() -> None:
    logits = random(0, B, C).requires_grad_()
    assert_same(task_loss(logits, LABELS), cross_entropy(logits, LABELS), [logits])


def test_task_loss_of_a_regression_is_the_mean_squared_error() -> None:
    logits, labels = random(0, B, 1).requires_grad_(), random(1, B)
    expected = sum((logits[b, 0] - labels[b]) ** 2 for b in range(B)) / B
    assert_same(task_loss(logits, labels), expected, [logits])


@pytest.mark.parametrize("temperature", [1.0, 4.0, 5.0])
def test_soft_loss_is_the_kl_times_the_temperature_squared(temperature: float) -> None:
    student, teacher = random(0, B, C).requires_grad_(), 3 * random(1, B, C)
    expected = sum(kl(teacher[b] / temperature, student[b] / temperature) for b in range(B)) / B
    assert_same(soft_loss(student, teacher, temperature), temperature**2 * expected, [student])


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_cross_entropy_has_no_temperature_squared(temperature: float) -> None:
    student, teacher = random(0, B, C).requires_grad_(), 3 * random(1, B, C)
    expected = 0.0
    for b in range(B):
        p, q = probabilities(teacher[b] / temperature), probabilities(student[b] / temperature)
        expected = expected - sum(p[c] * q[c].log() for c in range(C)) / B
    assert_same(soft_cross_entropy(student, teacher, temperature), expected, [student])


@pytest.mark.parametrize("loss", [soft_loss, soft_cross_entropy])
def test_soft_targets_of_a_regression_are_the_teachers_scores(loss) -> None:
    student, teacher = random(0, B, 1).requires_grad_(), random(1, B, 1)
    expected = sum((student[b, 0] - teacher[b, 0]) ** 2 for b in range(B)) / B
    assert_same(loss(student, teacher, 3.0), expected, [student])


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "padded"])
def test_token_mean_counts_real_tokens_only(mask: Tensor | None) -> None:
    values = random(0, B, N, 4).requires_grad_()
    numbers = [values[b, i, d] for b in range(B) for i in real(mask, b) for d in range(4)]
    assert_same(token_mean(values, mask), sum(numbers) / len(numbers), [values])


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "padded"])
def test_attention_loss_compares_scores_of_pairs_of_real_tokens(mask: Tensor | None) -> None:
    student, teacher = qkv(0, 4), qkv(10, 6)
    squares = [
        (
            student.queries[b, h, i] @ student.keys[b, h, j] / math.sqrt(4)
            - teacher.queries[b, h, i] @ teacher.keys[b, h, j] / math.sqrt(6)
        )
        ** 2
        for b in range(B)
        for h in range(H)
        for i in real(mask, b)
        for j in real(mask, b)
    ]
    assert_same(attention_loss(student, teacher, mask), sum(squares) / len(squares), list(student))


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "padded"])
def test_attention_received_is_the_mean_over_heads_and_real_queries(mask: Tensor | None) -> None:
    attention = qkv(0, 4)
    expected = torch.zeros(B, N, dtype=torch.float64)
    for b in range(B):
        tokens = real(mask, b)
        for h in range(H):
            for i in tokens:
                row = torch.stack([attention.queries[b, h, i] @ attention.keys[b, h, j] / 2 for j in tokens])
                received = torch.zeros(N, dtype=torch.float64).index_put((torch.tensor(tokens),), probabilities(row))
                share = torch.zeros(B, N, dtype=torch.float64)
                share[b] = 1.0
                expected = expected + share * received / (H * len(tokens))
    ours = attention_received(attention, mask)
    weights = random(5, B, N)
    torch.testing.assert_close(ours, expected)
    assert_same((ours * weights).sum(), (expected * weights).sum(), list(attention))


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "padded"])
def test_relation_loss_is_the_kl_over_heads_and_real_rows(mask: Tensor | None) -> None:
    student, teacher = qkv(0, 4), qkv(10, 6)
    expected = 0.0
    for b in range(B):
        tokens = real(mask, b)
        for h in range(H):
            for i in tokens:
                rows = [
                    torch.stack([net.queries[b, h, i] @ net.keys[b, h, j] for j in tokens]) / math.sqrt(width)
                    for net, width in ((teacher, 6), (student, 4))
                ]
                expected = expected + kl(*rows) / (H * len(tokens) * B)
    ours = relation_loss((student.queries, student.keys), (teacher.queries, teacher.keys), mask)
    assert_same(ours, expected, list(student))


def test_relation_loss_is_finite_in_float32_with_large_scores() -> None:
    student, teacher = (
        tuple((60 * random(seed, B, H, N, 4)).float().requires_grad_() for seed in seeds) for seeds in ((0, 1), (2, 3))
    )
    loss = relation_loss(student, teacher, MASK)
    gradients = torch.autograd.grad(loss, student)
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)
