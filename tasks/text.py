"""What all text tasks share: tokens, networks by name, blank examples."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import UsageError
from bench.protocol import Protocol, Recipe, Schedule
from bench.task import Data, Examples, Pair, Task, with_name

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.networks.language import Backbone


# BERT's fine-tuning (Devlin et al., 2019), with the rate and the 4 epochs of PKD's grid; all weights decay.
STUDENT = Recipe(
    epochs=4,
    batch_size=32,
    learning_rate=5e-5,
    optimiser="adamw",
    weight_decay=0.01,
    schedule=Schedule("linear", warmup=0.1),
    gradient_clip=1.0,
)
TEACHER = Recipe(**{**vars(STUDENT), "epochs": 3})
FAIR = Protocol("fair", student=STUDENT, teacher=TEACHER)
# For the narrow encoders that two CPU cores can train: they learn little at BERT's rate in so few steps.
QUICK = Recipe(**{**vars(STUDENT), "epochs": 2, "batch_size": 16, "learning_rate": 1e-4})
FINE_TUNING = {
    "fair": FAIR,
    "quick": with_name(
        FAIR,
        "quick",
        student=QUICK,
        teacher=Recipe(**{**vars(QUICK), "epochs": 4}),
        fit_items=6_000,
        select_items=200,
    ),
    "smoke": with_name(
        FAIR,
        "smoke",
        student=Recipe(**{**vars(STUDENT), "epochs": 1, "batch_size": 8}),
        teacher=Recipe(**{**vars(TEACHER), "epochs": 0.2, "batch_size": 8}),
        fit_items=64,
        select_items=32,
        evaluations=4,
    ),
}
"""The protocols of tasks whose networks are pretrained."""

LARGE = FINE_TUNING | {
    "quick": with_name(
        FINE_TUNING["quick"], "quick", teacher=Recipe(**{**vars(QUICK), "epochs": 1}), select_items=1_000
    )
}
"""Of tasks with so many examples that one epoch of them makes a teacher."""

REGRESSION = (
    "A regression: soft targets are the teacher's scores, and their loss is the squared error, without temperature."
)
"""What the board says of such a task."""

PRETRAINED_PAIRS = (
    Pair("bert-base-uncased", "layers:6"),
    Pair("bert-base-uncased", "layers:4"),
    Pair("bert-large-uncased", "layers:6"),
)


class TextTask(Task):
    """Sentences, or pairs of them, and a sequence classifier. The tokens are those of the pair's teacher."""

    modality = "text"
    longest: ClassVar[int] = 128
    """Tokens of one example, or fewer if the teacher takes fewer; what is longer is cut."""
    usual: ClassVar[int]
    """About how many tokens an example has: what inference and estimates are measured with."""
    remark: str = ""
    """What a reader of a table of this task must know, beside how many texts were cut."""
    lexicon: ClassVar[tuple[str, ...] | None] = None
    """All words of the task, where it has so few that networks can start from fresh weights."""

    def __init__(self) -> None:
        self.input_format = "what the tokenizer of this folder gives with truncation=True"
        self._folders: dict[str, Path] = {}
        self._bound: dict[str, TextTask] = {}
        self._teacher: str | None = None
        self._cut = 0

    @property
    def note(self) -> str:
        """What the task says of itself, and how many texts were cut when they were loaded."""
        cut = f"{self._cut:,} texts are longer than {self._width} tokens, and cut." if self._cut else ""
        return " ".join(each for each in (self.remark, cut) if each)

    def load(self, data_dir: Path | None) -> Data:
        self._cut = 0
        return self.read_data(data_dir)

    def read_data(self, data_dir: Path | None) -> Data:
        """The data, made with `examples`: what `load` is for other tasks."""
        raise NotImplementedError

    def on(self, pair: Pair) -> TextTask:
        teacher = self.resolve(pair.teacher)
        if teacher not in self._bound:
            bound = copy.copy(self)
            bound._teacher, bound._cut = teacher, 0
            self._bound[teacher] = bound
        return self._bound[teacher]

    def resolve(self, name: str) -> str:
        """A folder is known by its own name, not by its path, which is another one on every machine."""
        folder = Path(name)
        if name in self._folders or not folder.is_dir():
            return name
        path = folder.resolve()
        if self._folders.setdefault(path.name, path) != path:
            raise UsageError(
                f"two folders are named {path.name!r}: {self._folders[path.name]} and {path}. Rename one of them."
            )
        return path.name

    def backbone(self, name: str) -> Backbone:
        """What a network starts from."""
        from tasks.networks import language

        if language.FRESH.match(name):
            return language.fresh(name, self.lexicon)
        if language.CUT.match(name):
            if self._teacher is None or language.CUT.match(self._teacher):
                raise UsageError(
                    f"network {self._teacher or name!r} is cut from a teacher: it can only be the student of a pair"
                )
            return language.cut(self.backbone(self._teacher), name)
        if name.startswith("layers:"):
            raise UsageError(f"network {name!r}: expected layers:3, layers:3:spread or layers:3:random")
        name = self.resolve(name)
        return language.pretrained(str(self._folders.get(name, name)))

    def pretrained(self, network: str) -> str | None:
        return self.backbone(network).sha256

    def check_teacher(self, network: str, folder: Path) -> None:
        from tasks.networks.language import check_same

        check_same(folder, network, self.backbone(network))

    def network(self, name: str) -> nn.Module:
        from tasks.networks.language import classifier

        backbone = self.backbone(name)
        if self._teacher is not None:
            theirs = self.backbone(self._teacher).tokenizer
            if backbone.tokenizer is not theirs and backbone.tokenizer.get_vocab() != theirs.get_vocab():
                raise UsageError(
                    f"{name!r} and its teacher {self._teacher!r} have different vocabularies: a pair reads the same "
                    "tokens. `layers:N` makes a student of the teacher."
                )
        if backbone.positions < self._width:
            raise UsageError(f"network {name!r} takes {backbone.positions} tokens, its teacher {self._width}")
        return classifier(backbone, self.classes, self.class_names)

    def save(self, network: nn.Module, folder: Path) -> str:
        """In the Hugging Face layout, with the tokenizer."""
        network.save_pretrained(folder)
        tokenizer = copy.deepcopy(self.backbone(self._teacher).tokenizer)
        tokenizer.model_max_length = self._width
        tokenizer.save_pretrained(folder)
        return 'import transformers; model = transformers.AutoModelForSequenceClassification.from_pretrained(".")'

    def blank(self, count: int) -> dict[str, Tensor]:
        import torch

        names = ["input_ids"]
        if self._teacher is not None:
            names = self.backbone(self._teacher).tokenizer.model_input_names
        shape = (count, min(self.usual, self._width))
        return {name: torch.zeros(shape, dtype=torch.long) for name in names if name != "attention_mask"}

    @property
    def _width(self) -> int:
        """The tokens of the longest example, after it is cut."""
        return self.longest if self._teacher is None else min(self.longest, self.backbone(self._teacher).positions)

    def examples(self, first: Sequence[str], second: Sequence[str] | None, labels: Tensor) -> Examples:
        """Texts, or pairs of texts, as tokens of the pair's teacher."""
        tokenizer = self.backbone(self._teacher).tokenizer
        texts: list[Any] = [list(first)] if second is None else [list(first), list(second)]
        encoded = tokenizer(*texts, truncation=True, max_length=self._width, return_attention_mask=False)
        if encoded.encodings is None:
            # Tokenizers written in Python do not say what they cut.
            whole = tokenizer(*texts, return_attention_mask=False, verbose=False)["input_ids"]
            self._cut += sum(len(row) > self._width for row in whole)
        else:
            self._cut += sum(bool(each.overflowing) for each in encoded.encodings)
        return tokens(encoded, tokenizer.pad_token_id, labels)


def correlations(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Pearson's and Spearman's, and their mean, in percent points.

    logits (n, 1), labels (n,). 0 where all predictions are equal, or all labels: none is defined.
    """
    from scipy.stats import pearsonr, spearmanr

    predicted, scores = logits[:, 0].double().cpu().numpy(), labels.double().cpu().numpy()
    equal = any(each.min() == each.max() for each in (predicted, scores))
    pearson, spearman = (0.0 if equal else 100 * float(f(predicted, scores)[0]) for f in (pearsonr, spearmanr))
    return {"pearson_spearman": (pearson + spearman) / 2, "pearson": pearson, "spearman": spearman}


def tokens(encoded: dict[str, list[list[int]]], padding: int, labels: Tensor) -> Examples:
    """Lists of token ids (and segment ids) as tensors (n, longest), with the lengths."""
    import torch

    lengths = torch.tensor([len(row) for row in encoded["input_ids"]])
    inputs = {}
    for name, rows in encoded.items():
        filled = torch.full((len(rows), int(lengths.max())), padding if name == "input_ids" else 0)
        for number, row in enumerate(rows):
            filled[number, : len(row)] = torch.tensor(row)
        inputs[name] = filled
    return Examples(inputs, labels, lengths)
