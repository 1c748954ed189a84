"""The loss pieces that several methods share. All are float32 and averaged over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.method import Attention, Losses, Outputs


def task_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with the labels; the mean squared error where they are floating (regression)."""
    if labels.is_floating_point():
        return F.mse_loss(logits.squeeze(1), labels)
    return F.cross_entropy(logits, labels)


def soft_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """The kd term: T² · Σ_C KL(softmax(t/T) ‖ softmax(s/T)), mean over B. The project has no other.

    A regression has one logit and its softmax says nothing: there, the squared distance to the teacher's.
    """
    if teacher_logits.shape[1] == 1:
        return F.mse_loss(student_logits, teacher_logits)
    target = F.log_softmax(teacher_logits / temperature, dim=1)
    guess = F.log_softmax(student_logits / temperature, dim=1)
    return temperature**2 * F.kl_div(guess, target, reduction="batchmean", log_target=True)


def soft_cross_entropy(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """−Σ_C softmax(t/T) · log softmax(s/T), mean over B, without T². Regression: as in `soft_loss`."""
    if teacher_logits.shape[1] == 1:
        return F.mse_loss(student_logits, teacher_logits)
    return F.cross_entropy(student_logits / temperature, F.softmax(teacher_logits / temperature, dim=1))


def kd_losses(student: Outputs, teacher: Outputs, labels: Tensor, alpha: float, temperature: float) -> Losses:
    """(1 − α) · CE + α · kd term, as named losses."""
    return {
        "task": (1 - alpha) * task_loss(student.logits, labels),
        "kd": alpha * soft_loss(student.logits, teacher.logits, temperature),
    }


def token_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """The mean of (B, N, D) over real tokens and D; every real token of the batch counts the same."""
    if mask is None:
        return values.mean()
    return (values * mask[:, :, None]).sum() / (mask.sum() * values.shape[2])


def scores(rows: Tensor, columns: Tensor) -> Tensor:
    """Scaled dot products of (B, h, N, d) with (B, h, N, d): (B, h, N, N), e.g. QKᵀ/√d."""
    return rows @ columns.transpose(2, 3) / rows.shape[3] ** 0.5


def without_padding(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores (B, h, N, N) whose padded columns get no probability from a softmax.

    They get the least finite number: minus infinity would make 0 · (−∞) = NaN of a KL.
    """
    if mask is None:
        return scores
    return scores.masked_fill(~mask[:, None, None, :], torch.finfo(scores.dtype).min)


def attention_loss(student: Attention, teacher: Attention, mask: Tensor | None) -> Tensor:
    """The mean squared difference of QKᵀ/√d over heads and pairs of real tokens."""
    gap = scores(student.queries, student.keys) - scores(teacher.queries, teacher.keys)
    squares = gap.square().mean(dim=1)
    if mask is None:
        return squares.mean()
    pairs = mask[:, :, None] & mask[:, None, :]
    return (squares * pairs).sum() / pairs.sum()


def attention_received(attention: Attention, mask: Tensor | None) -> Tensor:
    """(B, N): the attention probability that a token receives, mean over heads and real queries."""
    probabilities = without_padding(scores(attention.queries, attention.keys), mask).softmax(dim=3).mean(dim=1)
    if mask is None:
        return probabilities.mean(dim=1)
    return (probabilities * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def relation_loss(student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
    """Σ KL(softmax(ABᵀ/√d) of the teacher ‖ of the student) / (h · N) over heads and real rows, mean over B.

    Each network gives (A, B), each (B, h, N, d) with its own d; padded rows and columns are left out.
    """
    target = without_padding(scores(*teacher), mask).log_softmax(dim=3)
    guess = without_padding(scores(*student), mask).log_softmax(dim=3)
    rows = (target.exp() * (target - guess)).sum(dim=3).mean(dim=1)
    if mask is None:
        return rows.mean()
    return ((rows * mask).sum(dim=1) / mask.sum(dim=1)).mean()
