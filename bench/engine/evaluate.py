"""Evaluation: logits of a whole split, and what is measured on them beside the metric."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.engine.observed import Observed
from bench.engine.splits import Splits, take
from bench.task import Examples, Task

BATCH = 500
TEXT_BATCH = 64
"""Texts are up to a hundred times as much work as small images, and many are far shorter than the longest."""
BINS = 15


def logits_of(network: Observed, task: Task, examples: Examples) -> Tensor:
    """(n, C) float32, in eval mode without augmentation. The network's mode is as it was afterwards."""
    training = network.training
    network.eval()
    # Text of like length together: the less padding, the less work.
    order = torch.arange(len(examples)) if examples.lengths is None else examples.lengths.argsort(stable=True)
    size = BATCH if examples.lengths is None else TEXT_BATCH
    with torch.no_grad():
        parts = [network(task.prepare(take(examples, items), None)).logits for items in order.split(size)]
    network.train(training)
    return torch.cat(parts)[order.argsort().to(examples.labels.device)]


def further_scores(network: Observed, task: Task, further_tests: dict[str, Examples]) -> dict[str, float]:
    """The metrics of further test sets, as `NAME_metric`."""
    return {
        f"{name}_{metric}": value
        for name, examples in further_tests.items()
        for metric, value in task.score(logits_of(network, task, examples), examples.labels).items()
    }


def calibration(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Expected calibration error (15 equal-width bins of the largest probability), NLL and Brier score, T=1.

    ece in percent points; nll in nats; brier is the sum over classes, 0 to 2, averaged over examples.
    """
    probabilities = logits.double().softmax(dim=1)
    confidence, predicted = probabilities.max(dim=1)
    correct = (predicted == labels).double()
    bins = (confidence * BINS).ceil().clamp(1, BINS).long() - 1
    gaps = torch.zeros(BINS, dtype=torch.float64, device=logits.device)
    gaps.index_add_(0, bins, correct - confidence)
    one_hot = F.one_hot(labels, logits.shape[1]).double()
    return {
        "ece": 100 * float(gaps.abs().sum() / len(labels)),
        "nll": float(F.cross_entropy(logits.double(), labels)),
        "brier": float((probabilities - one_hot).square().sum(dim=1).mean()),
    }


def fidelity(student: Tensor, teacher: Tensor, labels: Tensor) -> dict[str, float | None]:
    """How the student follows the teacher on test; both logits are (n, C).

    Agreements in percent points; kl = mean KL(teacher ‖ student) at T=1, nats; the last is the student's mean
    largest probability on what the teacher gets wrong, in percent points too. None where the teacher has no such items.
    """
    agree = (student.argmax(dim=1) == teacher.argmax(dim=1)).double()
    right = teacher.argmax(dim=1) == labels
    divergence = F.kl_div(
        student.double().log_softmax(dim=1),
        teacher.double().log_softmax(dim=1),
        log_target=True,
        reduction="batchmean",
    )
    confidence = student.double().softmax(dim=1).max(dim=1).values
    return {
        "agreement": 100 * float(agree.mean()),
        "kl": float(divergence),
        "agreement_teacher_right": _percent(agree[right]),
        "agreement_teacher_wrong": _percent(agree[~right]),
        "confidence_teacher_wrong": _percent(confidence[~right]),
    }


def worst_class(logits: Tensor, labels: Tensor) -> float:
    """The lowest accuracy of any class, in percent points."""
    correct = (logits.argmax(dim=1) == labels).double()
    return min(100 * float(correct[labels == label].mean()) for label in labels.unique())


def without_a_model(task: Task, splits: Splits) -> dict[str, Any]:
    """What the most frequent class of `fit` reaches: metrics on test, the primary one on select if there is one."""
    fit, select = splits.fit.labels, splits.select
    return {
        "most_frequent": most_frequent(task, fit, splits.test.labels),
        "most_frequent_select": None if select is None else most_frequent(task, fit, select.labels)[task.metric],
    }


def most_frequent(task: Task, fit_labels: Tensor, labels: Tensor) -> dict[str, float]:
    """The metrics of giving every item of `labels` the class that `fit_labels` has most of (of several, the lowest)."""
    counts = fit_labels.bincount(minlength=task.classes).tolist()
    logits = torch.zeros(len(labels), task.classes, device=labels.device)
    logits[:, counts.index(max(counts))] = 1
    return task.score(logits, labels)


def _percent(values: Tensor) -> float | None:
    return 100 * float(values.mean()) if len(values) else None
