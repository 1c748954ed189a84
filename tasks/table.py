"""The built-in tasks: name → where it is, and one line about it. Nothing is imported from here."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a task is defined, and its line in `list tasks`."""

    location: str
    """"module:Class"."""
    summary: str


OF_PATHS: dict[str, Entry] = {
    "csv": Entry("tasks.own_text:OwnText", "Your own texts: columns text, label and perhaps text2"),
    "jsonl": Entry("tasks.own_text:OwnText", "Your own texts: one object a line"),
    "parquet": Entry("tasks.own_text:OwnText", "Your own texts"),
    "imagefolder": Entry("tasks.own_images:OwnImages", "Your own images: one folder a class"),
}
"""Tasks that a path makes, given as `KIND:PATH`: the class is called with both."""

TABLE: dict[str, Entry] = {
    "digits": Entry(
        "tasks.digits:Digits", "Handwritten digits of 8x8 pixels, few labels: seconds a cell, comes with scikit-learn"
    ),
    "cifar100": Entry("tasks.cifar100:Cifar100", "CIFAR-100: 100 classes of 32x32 colour images (Krizhevsky, 2009)"),
    "agreement": Entry(
        "tasks.agreement:Agreement",
        "Subject-verb agreement in generated sentences, few labels: seconds a cell, comes with the project",
    ),
    "glue/cola": Entry("tasks.glue:CoLA", "CoLA: is a sentence acceptable English? Matthews correlation"),
    "glue/sst2": Entry("tasks.glue:SST2", "SST-2: is the opinion of a film review positive? Accuracy"),
    "glue/mrpc": Entry("tasks.glue:MRPC", "MRPC: do two sentences of the news say the same? Accuracy, F1"),
    "glue/stsb": Entry(
        "tasks.glue:STSB", "STS-B: how alike are two sentences, 0 to 5? Mean of Pearson's and Spearman's correlation"
    ),
    "glue/qqp": Entry("tasks.glue:QQP", "QQP: do two questions ask the same? Accuracy, F1"),
    "glue/mnli": Entry(
        "tasks.glue:MNLI",
        "MNLI: does a sentence follow from another one? Accuracy on matched genres, mismatched beside it",
    ),
    "glue/qnli": Entry("tasks.glue:QNLI", "QNLI: does a sentence answer a question? Accuracy"),
    "glue/rte": Entry("tasks.glue:RTE", "RTE: does a sentence follow from another one? Accuracy"),
    "glue/wnli": Entry(
        "tasks.glue:WNLI", "WNLI: does a sentence with its pronoun replaced follow? Accuracy; too small to rank"
    ),
}
