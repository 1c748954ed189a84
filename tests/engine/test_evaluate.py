"""Evaluation against references that go through the examples one by one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from toy import WIDTHS, Maps, Toy

from bench.engine import evaluate
from bench.engine.evaluate import (
    calibration,
    fidelity,
    further_scores,
    logits_of,
    most_frequent,
    without_a_model,
    worst_class,
)
from bench.engine.observe import observed
from bench.engine.observed import Observed
from bench.engine.splits import Splits
from bench.method import Outputs
from bench.task import Examples
from tasks.glue import MRPC, CoLA


def random(seed: int, count: int = 200, classes: int = 4, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=generator)
    return scale * torch.randn(count, classes, generator=generator), labels


def softmax(row: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in row)
    return [math.exp(value) / total for value in row]


def calibration_by_hand(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Bins (0, 1/15], (1/15, 2/15], … of the largest probability."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
    nll = brier = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        probabilities = softmax(row)
        confidence = max(probabilities)
        place = next(b for b in range(15) if confidence <= (b + 1) / 15 or b == 14)
        bins[place].append((confidence, probabilities.index(confidence) == label))
        nll -= math.log(probabilities[label])
        brier += sum((p - (c == label)) ** 2 for c, p in enumerate(probabilities))
    count = len(labels)
    ece = 0.0
    for members in filter(None, bins):
        accuracy = sum(right for _, right in members) / len(members)
        confidence = sum(each for each, _ in members) / len(members)
        ece += len(members) / count * abs(accuracy - confidence)
    return {"ece": 100 * ece, "nll": nll / count, "brier": brier / count}


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0, 30.0])
def test_calibration_is_the_textbooks(scale: float) -> None:
    logits, _ = random(0, scale=scale)
    # Labels as likely as the logits say: some bins are too sure and some not enough, so every border matters.
    labels = logits.softmax(dim=1).multinomial(1, generator=torch.Generator().manual_seed(1)).flatten()
    assert calibration(logits, labels) == pytest.approx(calibration_by_hand(logits, labels), rel=1e-6)


def test_neighbouring_bins_do_not_make_up_for_each_other() -> None:
    # Right at .90, in (13/15, 14/15], and wrong at .95, in (14/15, 1].
    logits = torch.tensor([[0.90, 0.10], [0.95, 0.05]]).log()
    assert calibration(logits, torch.tensor([0, 1]))["ece"] == pytest.approx(100 * (0.10 + 0.95) / 2, rel=1e-5)


def test_calibration_of_certainty() -> None:
    sure = 100 * torch.eye(3)
    assert calibration(sure, torch.arange(3)) == pytest.approx({"ece": 0, "nll": 0, "brier": 0}, abs=1e-9)
    wrong = calibration(sure, torch.tensor([1, 2, 0]))
    assert wrong == pytest.approx({"ece": 100, "nll": 100, "brier": 2})


def test_calibration_of_an_even_guess() -> None:
    even = calibration(torch.zeros(4, 4), torch.arange(4))
    assert even == pytest.approx({"ece": 0, "nll": math.log(4), "brier": 0.75})


def test_fidelity_is_the_textbooks() -> None:
    (student, labels), (teacher, _) = random(1), random(2)
    teacher[torch.arange(200), labels] += 2
    agree, right, kl, confidence = [], [], 0.0, []
    for ours, theirs, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
        p, q = softmax(theirs), softmax(ours)
        agree.append(ours.index(max(ours)) == theirs.index(max(theirs)))
        right.append(theirs.index(max(theirs)) == label)
        kl += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / 200
        confidence.append(max(q))

    def mean(values: list, where: list[bool]) -> float:
        chosen = [value for value, wanted in zip(values, where, strict=True) if wanted]
        return 100 * sum(chosen) / len(chosen)

    wrong = [not each for each in right]
    assert fidelity(student, teacher, labels) == pytest.approx(
        {
            "agreement": mean(agree, [True] * 200),
            "kl": kl,
            "agreement_teacher_right": mean(agree, right),
            "agreement_teacher_wrong": mean(agree, wrong),
            "confidence_teacher_wrong": mean(confidence, wrong),
        },
        rel=1e-6,
    )


def test_fidelity_to_a_teacher_that_is_always_right_has_no_wrong_items() -> None:
    teacher = torch.eye(3)
    result = fidelity(teacher, teacher, torch.arange(3))
    assert result["agreement"] == result["agreement_teacher_right"] == 100
    assert result["kl"] == pytest.approx(0, abs=1e-12)
    assert result["agreement_teacher_wrong"] is None
    assert result["confidence_teacher_wrong"] is None


def test_the_worst_class_is_the_lowest_recall() -> None:
    predicted, labels = torch.tensor([0, 0, 0, 1, 1, 2, 0]), torch.tensor([0, 0, 0, 0, 1, 2, 2])
    assert worst_class(torch.eye(3)[predicted], labels) == 50
    assert worst_class(torch.eye(9)[predicted], labels) == 50  # classes without items do not count


def test_the_most_frequent_class_is_that_of_fit() -> None:
    labels = torch.tensor([0, 1, 1, 1])
    assert most_frequent(MRPC(), torch.tensor([1, 1, 0]), labels)["accuracy"] == 75
    assert most_frequent(MRPC(), torch.tensor([0, 0, 1]), labels)["accuracy"] == 25
    assert most_frequent(CoLA(), torch.tensor([0, 0, 1]), labels)["matthews"] == 0
    examples = [Examples(torch.zeros(len(each)), torch.tensor(each)) for each in ([1, 1, 0], [1, 0], [1, 1, 1, 0])]
    fit, select, test = examples
    found = without_a_model(MRPC(), Splits(fit, fit, select, test, {}))
    assert (found["most_frequent"]["accuracy"], found["most_frequent_select"]) == (75, 50)
    assert without_a_model(MRPC(), Splits(fit, fit, None, test, {}))["most_frequent_select"] is None
    # Of classes that are as frequent as one another the first, which `fit` need not hold all of.
    assert most_frequent(MRPC(), torch.tensor([0, 1]), labels)["accuracy"] == 25


def test_logits_are_those_of_eval_mode_without_augmentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 5)
    task = Toy()
    network = observed(Maps(WIDTHS["narrow"], 3), "float32").train()
    network(torch.rand(8, 1, 4, 4))  # running statistics of its own
    test = task.load(None).test
    before = {name: each.clone() for name, each in network.state_dict().items()}
    logits = logits_of(network, task, test)
    assert network.training
    assert not logits.requires_grad
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    expected = network.eval()(task.prepare(test.inputs, None)).logits
    torch.testing.assert_close(logits, expected)
    logits_of(network, task, test)
    assert not network.training


def test_every_example_is_evaluated_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 4)

    class Echo(torch.nn.Module):
        def forward(self, inputs: Tensor, needs: frozenset[str] = frozenset()):
            return type("Outputs", (), {"logits": inputs[:, None]})

    class Plain(Toy):
        def prepare(self, inputs: Tensor, draws: object) -> Tensor:
            assert draws is None
            return inputs

    numbers = torch.arange(10.0)
    assert logits_of(Echo(), Plain(), Examples(numbers, numbers)).flatten().tolist() == numbers.tolist()


class Reader(Toy):
    """Texts in place of images: the logits of a text are its tokens' sum, and how many tokens it came with."""

    name = "reader"
    modality = "text"

    def prepare(self, inputs, draws):
        return inputs


class Sum(Observed):
    def __init__(self) -> None:
        super().__init__(torch.nn.Linear(1, 1), "float32")
        self.widths: list[int] = []

    def observe(self, inputs, needs) -> Outputs:
        tokens = inputs["input_ids"]
        self.widths.append(tokens.shape[1])
        real = inputs.get("attention_mask", torch.ones_like(tokens, dtype=torch.bool))
        return Outputs(logits=torch.stack(((tokens * real).sum(dim=1), real.sum(dim=1)), dim=1).float())


def texts(count: int) -> Examples:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 40, (count,), generator=generator)
    tokens = torch.randint(1, 9, (count, 40), generator=generator)
    return Examples({"input_ids": tokens}, torch.zeros(count, dtype=torch.long), lengths)


def test_texts_keep_their_order_whatever_is_read_together() -> None:
    examples, network = texts(300), Sum()
    logits = logits_of(network, Reader(), examples)
    rows = zip(examples.inputs["input_ids"], examples.lengths, strict=True)
    assert logits.tolist() == [[float(row[:length].sum()), float(length)] for row, length in rows]
    assert sum(network.widths) * evaluate.TEXT_BATCH < 1.2 * int(examples.lengths.sum()) + 40 * evaluate.TEXT_BATCH


def test_further_tests_are_scored_under_their_names() -> None:
    class Scored(Reader):
        def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
            return {"accuracy": float(len(labels)), "f1": float(logits[0, 1])}

    tests = {"mismatched": texts(7), "hard": texts(3)}
    assert further_scores(Sum(), Scored(), tests) == {
        "mismatched_accuracy": 7.0,
        "mismatched_f1": float(tests["mismatched"].lengths[0]),
        "hard_accuracy": 3.0,
        "hard_f1": float(tests["hard"].lengths[0]),
    }
    assert further_scores(Sum(), Scored(), {}) == {}
