"""The figures of evaluation are those that torchmetrics, scikit-learn and scipy give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import log_loss, mean_squared_error, recall_score
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional import kl_divergence
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

from bench.engine.evaluate import BINS, calibration, fidelity, worst_class
from bench.task import Task

SHAPES = [(2, 0.1), (2, 2.0), (10, 1.0), (10, 5.0), (100, 0.5), (100, 3.0)]
"""Classes, and how sure the logits are."""


def drawn(classes: int, scale: float, seed: int = 0, count: int = 2000) -> tuple[Tensor, Tensor]:
    """Logits, and labels that are right a little less often than the logits say."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, classes, generator=generator)
    labels = (0.7 * logits).softmax(dim=1).multinomial(1, generator=generator).flatten()
    return logits, labels


@pytest.mark.parametrize(("classes", "scale"), SHAPES)
def test_calibration(classes: int, scale: float) -> None:
    logits, labels = drawn(classes, scale)
    probabilities = logits.double().softmax(dim=1)
    ours = calibration(logits, labels)
    error = multiclass_calibration_error(probabilities, labels, classes, n_bins=BINS, norm="l1")
    assert ours["ece"] == pytest.approx(100 * float(error), rel=1e-4)  # theirs are float32 sums
    assert ours["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(classes)), rel=1e-6)
    squared = mean_squared_error(F.one_hot(labels, classes), probabilities)  # a mean over classes too
    assert ours["brier"] == pytest.approx(classes * squared, rel=1e-6)


@pytest.mark.parametrize(("classes", "scale"), SHAPES)
def test_fidelity(classes: int, scale: float) -> None:
    teacher, labels = drawn(classes, scale)
    student = teacher + scale * drawn(classes, 1.0, seed=1)[0]
    ours = fidelity(student, teacher, labels)
    theirs = teacher.argmax(dim=1)
    right = theirs == labels
    for name, where in (
        ("agreement", torch.ones_like(right)),
        ("agreement_teacher_right", right),
        ("agreement_teacher_wrong", ~right),
    ):
        agreement = multiclass_accuracy(student[where], theirs[where], classes, average="micro")
        assert ours[name] == pytest.approx(100 * float(agreement), rel=1e-6)
    p, q = (logits.double().softmax(dim=1) for logits in (teacher, student))
    assert ours["kl"] == pytest.approx(float(kl_divergence(p, q)), rel=1e-6)
    assert ours["kl"] == pytest.approx(np.mean(entropy(p, q, axis=1)), rel=1e-6)
    assert ours["confidence_teacher_wrong"] == pytest.approx(100 * float(q[~right].amax(dim=1).mean()), rel=1e-6)


@pytest.mark.parametrize(("classes", "scale"), SHAPES)
def test_accuracy_and_the_worst_class(classes: int, scale: float) -> None:
    logits, labels = drawn(classes, scale)
    accuracy = multiclass_accuracy(logits, labels, classes, average="micro")
    assert Task().score(logits, labels)["accuracy"] == pytest.approx(100 * float(accuracy), rel=1e-6)
    recalls = recall_score(labels, logits.argmax(dim=1), labels=labels.unique(), average=None)
    assert worst_class(logits, labels) == pytest.approx(100 * recalls.min(), rel=1e-6)
