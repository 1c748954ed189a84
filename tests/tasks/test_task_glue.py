"""GLUE's tasks: official metrics, official sizes, tokens of the pair's teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from language import model_folder
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score, matthews_corrcoef

from bench.errors import DataError
from bench.registry import Registry
from bench.task import Pair
from tasks.glue import MNLI, MRPC, QNLI, QQP, RTE, SST2, STSB, WNLI, CoLA, Glue
from tasks.glue_files import Texts

LOGITS = torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 1.0], [2.0, 0.0], [0.0, 5.0]])
LABELS = torch.tensor([1, 1, 0, 0, 1])
NAMES = [plugin.name for plugin in Registry().plugins("tasks") if plugin.name.startswith("glue/")]


def test_all_nine_are_there_and_name_their_primary_metric() -> None:
    assert len(NAMES) == 9
    for name in NAMES:
        task = Registry().task(name)
        assert (task.classes == 1) == (not task.source.labels)
        labels = torch.tensor([0.0, 1.0, 4.0]) if task.classes == 1 else torch.tensor([0, 1, 1])
        logits = torch.tensor([[0.3], [0.1], [0.9]]).expand(3, task.classes)
        scores = task.score(logits, labels)
        assert task.metric in scores
        assert next(iter(scores)) == task.metric


def test_metrics_are_the_official_ones_in_percent_points() -> None:
    predicted = [1, 0, 1, 0, 1]
    mrpc = MRPC().score(LOGITS, LABELS)
    assert mrpc == {"accuracy": pytest.approx(60), "f1": pytest.approx(100 * f1_score(LABELS, predicted))}
    assert CoLA().score(LOGITS, LABELS)["matthews"] == pytest.approx(100 * matthews_corrcoef(LABELS, predicted))
    scores, guesses = torch.tensor([0.0, 1.0, 2.5, 4.0]), torch.tensor([[0.1], [0.9], [0.8], [5.0]])
    pearson, spearman = (100 * f(guesses[:, 0], scores)[0] for f in (pearsonr, spearmanr))
    assert STSB().score(guesses, scores) == pytest.approx(
        {"pearson_spearman": (pearson + spearman) / 2, "pearson": pearson, "spearman": spearman}
    )


def test_a_constant_has_no_correlation() -> None:
    assert set(STSB().score(torch.tensor([[0.0], [1.0], [2.0]]), torch.ones(3)).values()) == {0.0}
    assert set(STSB().score(torch.ones(3, 1), torch.tensor([0.0, 1.0, 2.0])).values()) == {0.0}
    assert CoLA().score(torch.tensor([[0.0, 1.0]] * 3), torch.tensor([0, 1, 1]))["matthews"] == 0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Texts:
    """MRPC and MNLI of a few rows."""
    monkeypatch.setattr(MRPC, "train_items", 3)
    monkeypatch.setattr(MRPC, "test_items", 2)
    return Texts(["the cat is big", "a", "b c unknown"], ["the dog is small", "the cat", "d"], [1, 0, 1])


def write(folder: Path, train: Texts, test: Texts) -> Path:
    place = folder / "MRPC"
    place.mkdir()
    for part, texts in (("train", train), ("dev", test)):
        rows = zip(texts.labels, texts.first, texts.second, strict=True)
        (place / f"{part}.tsv").write_text(
            "Quality\t#1 String\t#2 String\n" + "".join("\t".join(map(str, row)) + "\n" for row in rows)
        )
    return folder


def shorter(texts: Texts, count: int) -> Texts:
    return replace(texts, first=texts.first[:count], second=texts.second[:count], labels=texts.labels[:count])


def test_data_are_tokens_of_the_teacher(tmp_path: Path, small: Texts) -> None:
    folder = model_folder(tmp_path / "tiny")
    task = MRPC().on(Pair(str(folder), "layers:2"))
    data = task.load(write(tmp_path, small, shorter(small, 2)))
    assert data.train.lengths.tolist() == [11, 6, 7]
    assert data.train.inputs["input_ids"].shape == (3, 11)
    tokenizer = task.backbone("tiny").tokenizer
    row = data.train.inputs["input_ids"][2]
    assert tokenizer.convert_ids_to_tokens(row) == [
        "[CLS]",
        "b",
        "c",
        "[UNK]",
        "[SEP]",
        "d",
        "[SEP]",
        "[PAD]",
        "[PAD]",
        "[PAD]",
        "[PAD]",
    ]
    assert data.train.inputs["token_type_ids"][2].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert data.train.labels.tolist() == [1, 0, 1]
    assert len(data.test) == 2


def test_other_sizes_than_the_official_ones_are_refused(tmp_path: Path, small: Texts) -> None:
    task = MRPC().on(Pair(str(model_folder(tmp_path / "tiny")), "layers:2"))
    with pytest.raises(DataError, match="MRPC has 2 examples in dev, these data have 3"):
        task.load(write(tmp_path, small, small))


def test_torn_rows_of_qqp_are_left_out_and_it_is_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(QQP, "train_items", 2)
    monkeypatch.setattr(QQP, "test_items", 1)
    place = tmp_path / "QQP"
    place.mkdir()
    header, row = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "1\t2\t3\tthe cat\ta dog\t1"
    torn = '"\tis the cat big\t0'
    (place / "train.tsv").write_text("\n".join([header, row, torn, row]))
    (place / "dev.tsv").write_text("\n".join([header, row]))
    task = QQP().on(Pair(str(model_folder(tmp_path / "tiny")), "layers:1"))
    assert task.note == ""
    assert len(task.load(tmp_path).train) == 2
    assert task.note == "1 broken rows of the classic files are left out."
    (place / "train.tsv").write_text("\n".join([header, row, torn, torn]))
    with pytest.raises(DataError, match="QQP has 2 examples in train, these data have 1, and 2 broken rows"):
        task.load(tmp_path)


# Rows of the classic layout's columns as it writes them, and what the hub has instead.
LAYOUTS = {
    CoLA: ([("gj04", "1", "", "the cat is big"), ("gj04", "0", "*", "big cat")], [1, 0]),
    SST2: ([("the cat", "1"), ("a dog is", "0")], [1, 0]),
    MRPC: ([("the cat", "a dog", "1"), ("the cat is", "the dog", "0")], [1, 0]),
    QQP: ([("the cat", "a dog", "1"), ("the cat is", "the dog", "0")], [1, 0]),
    QNLI: ([("the cat", "a dog", "entailment"), ("the cat is", "the dog", "not_entailment")], [0, 1]),
    WNLI: ([("the cat", "a dog", "1"), ("the cat is", "the dog", "0")], [1, 0]),
    STSB: ([("the cat", "a dog", "3.8"), ("the cat is", "the dog", "0.25")], [3.8, 0.25]),
    RTE: ([("the cat", "a dog", "entailment"), ("the cat is", "the dog", "not_entailment")], [0, 1]),
    MNLI: ([("the cat", "a dog", "neutral"), ("the cat is", "the dog", "contradiction")], [1, 2]),
}


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.name)
def test_both_layouts_give_the_same_tokens_and_labels(tmp_path: Path, monkeypatch, kind: type[Glue]) -> None:
    source, (rows, labels) = kind.source, LAYOUTS[kind]
    tests = source.tests
    sizes = {"train_items": 2, "test_items": 2, "further_items": (2,) * (len(tests) - 1)}
    for name, size in sizes.items():
        monkeypatch.setattr(kind, name, size)
    places = [3] if kind is CoLA else range(len(source.columns))
    header = [] if kind is CoLA else [(*source.classic_columns, source.classic_label)]
    classic, saved = tmp_path / "classic", tmp_path / "saved"
    (classic / source.folder).mkdir(parents=True)
    features = Features(
        dict.fromkeys(source.columns, Value("string"))
        | {"label": ClassLabel(names=list(source.labels)) if source.labels else Value("float32")}
    )
    hub = {}
    for old, new in (("train", "train"), *tests):
        # The order tells the splits apart.
        turn = -1 if old == tests[-1][0] else 1
        lines = ["\t".join(row) for row in (*header, *rows[::turn])]
        (classic / source.folder / f"{old}.tsv").write_text("\n".join(lines) + "\n")
        columns = {
            name: [row[place] for row in rows[::turn]] for name, place in zip(source.columns, places, strict=True)
        }
        hub[new] = Dataset.from_dict({**columns, "label": labels[::turn]}, features=features)
    DatasetDict(hub).save_to_disk(saved / source.name)
    pair = Pair(str(model_folder(tmp_path / "tiny")), "layers:1")
    one, other = (kind().on(pair).load(folder) for folder in (classic, saved))
    assert one.further_tests.keys() == other.further_tests.keys() == ({"mismatched"} if kind is MNLI else set())
    splits = [(one.train, other.train), (one.test, other.test)]
    splits += [(one.further_tests[name], other.further_tests[name]) for name in one.further_tests]
    for a, b in splits:
        assert a.inputs.keys() == b.inputs.keys()
        assert all(torch.equal(a.inputs[name], b.inputs[name]) for name in a.inputs)
        assert torch.equal(a.labels, b.labels)
        assert torch.equal(a.lengths, b.lengths)
    assert one.train.labels.tolist() == pytest.approx(labels)
    assert splits[-1][0].labels.tolist() == pytest.approx(labels[::-1])
