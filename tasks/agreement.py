"""Is this sentence acceptable? Subjects and verbs that agree or do not, in sentences made from a grammar.

For what CoLA is among the natural ones: a sentence is wrong if one of its verbs has the number that its subject does
not have, whatever stands between the two. Generated from a fixed seed, so it needs no data and is the same everywhere.
Students see few of the labelled sentences, teachers all of `fit`, so that there is something to learn from a teacher.
Grammar and rates were chosen, on sentences of another seed, so that networks of this size learn in seconds.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import ClassVar

from bench.protocol import Protocol, Recipe
from bench.task import Data, Pair, with_name
from tasks.grammar import LEXICON, sentences
from tasks.text import STUDENT as FINE_TUNED
from tasks.text import TextTask

STUDENT = Recipe(**{**vars(FINE_TUNED), "epochs": 6, "batch_size": 64, "learning_rate": 1e-3})
TEACHER = Recipe(**{**vars(STUDENT), "epochs": 5, "batch_size": 32, "learning_rate": 5e-4})
FAIR = Protocol("fair", student=STUDENT, teacher=TEACHER, fit_items=2_000, select_items=500, precision="float32")


class Agreement(TextTask):
    name = "agreement"
    summary = "Subject-verb agreement in generated sentences, few labels: seconds a cell, comes with the project"
    remark = (
        "Students see few labels. Grammar and rates were chosen so that small networks learn in seconds and a teacher "
        "knows more than its student: this shows that everything works on text, it is no evidence for a method."
    )
    classes = 2
    train_items = 10_000
    test_items = 1_000
    usual = 12
    lexicon: ClassVar[tuple[str, ...]] = LEXICON
    pairs = (Pair("bert_L4_H128_A4", "bert_L2_H128_A4"),)
    default_pairs = pairs
    protocols = {
        "fair": FAIR,
        # For tests: everything happens, nothing is learnt.
        "smoke": with_name(
            FAIR,
            "smoke",
            student=Recipe(**{**vars(STUDENT), "epochs": 1}),
            teacher=Recipe(**{**vars(TEACHER), "epochs": 0.05}),
            fit_items=256,
            select_items=100,
            evaluations=4,
        ),
    }
    default_protocol = "fair"

    def read_data(self, data_dir: Path | None) -> Data:
        import torch

        made = list(islice(sentences(seed=0), self.train_items + self.test_items))
        texts, right = zip(*made, strict=True)
        labels = torch.tensor(right).long()
        cut = self.train_items
        return Data(self.examples(texts[:cut], None, labels[:cut]), self.examples(texts[cut:], None, labels[cut:]))
