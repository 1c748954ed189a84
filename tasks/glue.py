"""GLUE (Wang et al., ICLR 2019): nine tasks of English sentences and sentence pairs, with their official metrics.

`test` is the official development set, whose labels are public; `select` is carved from the training set.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from bench.errors import DataError
from bench.task import Data, Examples
from tasks.glue_files import Source, Texts, read_splits
from tasks.text import FINE_TUNING, LARGE, PRETRAINED_PAIRS, REGRESSION, TextTask, correlations

if TYPE_CHECKING:
    from torch import Tensor

SENTENCE, SENTENCES = ("sentence",), ("sentence1", "sentence2")


class Glue(TextTask):
    """What the nine have in common."""

    source: ClassVar[Source]
    further_items: ClassVar[tuple[int, ...]] = ()
    """The sizes of the further development sets."""
    pairs = PRETRAINED_PAIRS
    default_pairs = pairs[:2]
    usual = 32
    protocols = FINE_TUNING
    default_protocol = "fair"

    def __init__(self) -> None:
        super().__init__()
        self.class_names = self.source.labels
        self._left_out = 0

    @property
    def note(self) -> str:
        left_out = f"{self._left_out:,} broken rows of the classic files are left out." if self._left_out else ""
        return " ".join(each for each in (super().note, left_out) if each)

    def read_data(self, data_dir: Path | None) -> Data:
        splits = read_splits(self.source, data_dir)
        names = ["train", *(classic for classic, _ in self.source.tests)]
        for name, split, size in zip(
            names, splits, (self.train_items, self.test_items, *self.further_items), strict=True
        ):
            if len(split) != size:
                broken = f", and {split.left_out} broken rows" if split.left_out else ""
                raise DataError(
                    f"GLUE's {self.source.folder} has {size} examples in {name}, these data have {len(split)}{broken}: "
                    "they are incomplete or not the official ones. Your own data: --tasks csv:PATH"
                )
        self._left_out = sum(split.left_out for split in splits)
        train, test, *further = map(self.tokenised, splits)
        return Data(train, test, {name.partition("_")[2]: each for name, each in zip(names[2:], further, strict=True)})

    def tokenised(self, texts: Texts) -> Examples:
        import torch

        labels = torch.tensor(texts.labels, dtype=torch.long if self.source.labels else torch.float)
        return self.examples(texts.first, texts.second, labels)


class AccuracyAndF1(Glue):
    """Accuracy, the F1 of class 1 beside it."""

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        from sklearn.metrics import f1_score

        predicted = logits.argmax(dim=1)
        return {**super().score(logits, labels), "f1": 100 * float(f1_score(labels.cpu(), predicted.cpu()))}


class CoLA(Glue):
    """Is the sentence acceptable English? (Warstadt et al., 2019)"""

    name = "glue/cola"
    summary = "CoLA: is a sentence acceptable English? Matthews correlation"
    source = Source("CoLA", "cola", SENTENCE, ("3",), "1", ("0", "1"), classic_width=4)
    classes = 2
    metric = "matthews"
    train_items = 8_551
    test_items = 1_043
    usual = 12

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        from sklearn.metrics import matthews_corrcoef

        predicted = logits.argmax(dim=1)
        return {
            "matthews": 100 * float(matthews_corrcoef(labels.cpu(), predicted.cpu())),
            **super().score(logits, labels),
        }


class SST2(Glue):
    """Is the opinion positive? (Socher et al., 2013)"""

    name = "glue/sst2"
    summary = "SST-2: is the opinion of a film review positive? Accuracy"
    source = Source("SST-2", "sst2", SENTENCE, SENTENCE, "label", ("0", "1"))
    classes = 2
    protocols = LARGE
    train_items = 67_349
    test_items = 872
    usual = 14


class MRPC(AccuracyAndF1):
    """Do two sentences say the same? (Dolan & Brockett, 2005)"""

    name = "glue/mrpc"
    summary = "MRPC: do two sentences of the news say the same? Accuracy, F1"
    source = Source("MRPC", "mrpc", SENTENCES, ("#1 String", "#2 String"), "Quality", ("0", "1"))
    classes = 2
    train_items = 3_668
    test_items = 408
    usual = 54


class STSB(Glue):
    """How alike are two sentences, from 0 to 5? A regression (Cer et al., 2017)"""

    name = "glue/stsb"
    summary = "STS-B: how alike are two sentences, 0 to 5? Mean of Pearson's and Spearman's correlation"
    source = Source("STS-B", "stsb", SENTENCES, SENTENCES, "score", ())
    classes = 1
    remark = REGRESSION
    metric = "pearson_spearman"
    train_items = 5_749
    test_items = 1_500
    usual = 30

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        return correlations(logits, labels)


class QQP(AccuracyAndF1):
    """Do two questions ask the same? (Quora)"""

    name = "glue/qqp"
    summary = "QQP: do two questions ask the same? Accuracy, F1"
    source = Source(
        "QQP",
        "qqp",
        ("question1", "question2"),
        ("question1", "question2"),
        "is_duplicate",
        ("0", "1"),
        classic_is_broken=True,
    )
    classes = 2
    protocols = LARGE
    train_items = 363_846
    test_items = 40_430


class MNLI(Glue):
    """Does one sentence follow from the other, contradict it, or neither? (Williams et al., 2018)"""

    name = "glue/mnli"
    summary = "MNLI: does a sentence follow from another one? Accuracy on matched genres, mismatched beside it"
    source = Source(
        "MNLI",
        "mnli",
        ("premise", "hypothesis"),
        SENTENCES,
        "gold_label",
        ("entailment", "neutral", "contradiction"),
        tests=(("dev_matched", "validation_matched"), ("dev_mismatched", "validation_mismatched")),
    )
    classes = 3
    protocols = LARGE
    train_items = 392_702
    test_items = 9_815
    further_items = (9_832,)
    usual = 40


class QNLI(Glue):
    """Does the sentence answer the question? (from SQuAD, Rajpurkar et al., 2016)"""

    name = "glue/qnli"
    summary = "QNLI: does a sentence answer a question? Accuracy"
    source = Source(
        "QNLI", "qnli", ("question", "sentence"), ("question", "sentence"), "label", ("entailment", "not_entailment")
    )
    classes = 2
    protocols = LARGE
    train_items = 104_743
    test_items = 5_463
    usual = 50


class RTE(Glue):
    """Does one sentence follow from the other? (Dagan et al., 2006, and later)"""

    name = "glue/rte"
    summary = "RTE: does a sentence follow from another one? Accuracy"
    source = Source("RTE", "rte", SENTENCES, SENTENCES, "label", ("entailment", "not_entailment"))
    classes = 2
    train_items = 2_490
    test_items = 277
    usual = 70


class WNLI(Glue):
    """Does the sentence with the pronoun replaced follow? (Levesque et al., 2012)"""

    name = "glue/wnli"
    summary = "WNLI: does a sentence with its pronoun replaced follow? Accuracy; too small to rank"
    source = Source("WNLI", "wnli", SENTENCES, SENTENCES, "label", ("0", "1"))
    classes = 2
    in_aggregates = False
    train_items = 635
    test_items = 71
    usual = 38
