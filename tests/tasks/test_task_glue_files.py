"""GLUE's layouts: all give the same texts and labels; what is broken is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from tasks.glue import MNLI, MRPC, STSB, CoLA, Glue
from tasks.glue_files import Texts, of_columns, read_splits, read_tsv

ROWS = {
    "train": [('A "quoted text .', "It 's 1\u2028 line , still", 1), ("b\x85c", "d", 0)],
    "dev": [("e", "f ", 0)],
}


def classic(folder: Path) -> Path:
    place = folder / "glue_data" / "MRPC"
    place.mkdir(parents=True)
    for part, rows in ROWS.items():
        lines = ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", *(f"{c}\t1\t2\t{a}\t{b}" for a, b, c in rows)]
        (place / f"{part}.tsv").write_bytes(("\ufeff" + "\n".join(lines) + "\n").encode())
    return folder


def columns(part: str) -> dict[str, list]:
    first, second, labels = zip(*ROWS[part], strict=True)
    return {"sentence1": list(first), "sentence2": list(second), "label": list(labels), "idx": list(range(len(first)))}


def hub() -> DatasetDict:
    return DatasetDict(
        {new: Dataset.from_dict(columns(old)) for old, new in (("train", "train"), ("dev", "validation"))}
    )


def saved(folder: Path) -> Path:
    hub().save_to_disk(folder / "glue" / "mrpc")
    return folder


def parquet(folder: Path) -> Path:
    place = folder / "mrpc"
    place.mkdir(parents=True)
    for name, part in hub().items():
        part.to_parquet(place / f"{name}-00000-of-00001.parquet")
    return folder


EXPECTED = [Texts(*zip(*ROWS[part], strict=True)) for part in ("train", "dev")]


@pytest.mark.parametrize("layout", [classic, saved, parquet])
def test_every_layout_gives_the_same(tmp_path: Path, layout) -> None:
    splits = read_splits(MRPC.source, layout(tmp_path))
    assert [[list(each.first), list(each.second), list(each.labels)] for each in splits] == [
        [list(each.first), list(each.second), list(each.labels)] for each in EXPECTED
    ]


def test_a_folder_with_none_of_them_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"glue_data/MRPC/train\.tsv.*glue/mrpc.*BENCH_DATA_DIR"):
        read_splits(MRPC.source, tmp_path)


def test_a_file_without_a_header_is_read_by_columns(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text("gj04\t1\t\tThe cat sat.\ngj04\t0\t*\tSat cat the.")
    texts = read_tsv(path, CoLA.source)
    assert (texts.first, texts.second, texts.labels) == (["The cat sat.", "Sat cat the."], None, [1, 0])


def test_mismatched_genres_are_read_beside_the_matched(tmp_path: Path) -> None:
    place = tmp_path / "MNLI"
    place.mkdir()
    for part, label in (("train", "neutral"), ("dev_matched", "entailment"), ("dev_mismatched", "contradiction")):
        (place / f"{part}.tsv").write_text(f"sentence1\tsentence2\tgold_label\na\tb\t{label}\n")
    assert [each.labels for each in read_splits(MNLI.source, tmp_path)] == [[1], [0], [2]]


@pytest.mark.parametrize(
    ("task", "text", "said"),
    [
        (MRPC, "Quality\t#1 String\t#2 String\n1\ta\tb\n0\ta\n", r"line 3: 2 columns, expected 3"),
        (MRPC, "Quality\t#1 String\t#2 String\n1\ta\tb\tc\n", r"line 2: 4 columns, expected 3"),
        (MRPC, "Quality\t#1 String\t#2 String\n7\ta\tb\n", r"line 2: label '7' is none of 0, 1"),
        (MRPC, "Quality\t#1 String\n1\ta\n", r"no column '#2 String'"),
        (STSB, "sentence1\tsentence2\tscore\na\tb\tmuch\n", r"line 2: score 'much' is not a number"),
        (STSB, "sentence1\tsentence2\tscore\na\tb\t5.5\n", r"line 2: score 5.5 is not between 0 and 5"),
        (STSB, "sentence1\tsentence2\tscore\na\tb\tnan\n", r"line 2: score nan is not between 0 and 5"),
        (CoLA, "gj04\t1\t\ta b\n\ngj04\t1\t\ta b\n", r"line 2: 1 columns"),
        (CoLA, "gj04\t1\t\ta\tb\n", r"line 1: 5 columns, expected 4"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, task: type[Glue], text: str, said: str) -> None:
    path = tmp_path / "train.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=said) as error:
        read_tsv(path, task.source)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("task", "column", "value", "said"),
    [
        (MRPC, "sentence2", None, "row 1 has no sentence2"),
        (MRPC, "label", -1, "row 1 has label -1, expected 0 to 1"),
        (STSB, "label", None, "row 1 has score None, expected 0 to 5"),
        (STSB, "label", 5.5, "row 1 has score 5.5, expected 0 to 5"),
    ],
)
def test_a_broken_row_of_the_hubs_layouts_is_named(task: type[Glue], column: str, value: object, said: str) -> None:
    data = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [0, 1]}
    data[column][1] = value
    with pytest.raises(DataError, match=said):
        of_columns(data, task.source, "here")


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_bytes(b"Quality\t#1 String\t#2 String\n1\t\xff\xfe\tb\n")
    with pytest.raises(DataError, match="is not UTF-8"):
        read_tsv(path, MRPC.source)


def test_labels_of_the_hub_are_checked(tmp_path: Path) -> None:
    place = tmp_path / "mrpc"
    place.mkdir()
    rows = {"sentence1": ["a"], "sentence2": ["b"], "label": [-1]}
    for part in ("train", "validation"):
        Dataset.from_dict(rows).to_parquet(place / f"{part}-0.parquet")
    with pytest.raises(DataError, match="row 0 has label -1, expected 0 to 1"):
        read_splits(MRPC.source, tmp_path)


TEXT = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT, st.integers(0, 1)), min_size=1, max_size=5))
def test_any_text_without_tabs_and_line_feeds_is_read_as_it_is(tmp_path_factory, rows) -> None:
    path = tmp_path_factory.mktemp("tsv") / "train.tsv"
    lines = ["Quality\t#1 String\t#2 String", *(f"{label}\t{first}\t{second}" for first, second, label in rows)]
    path.write_bytes("\n".join(lines).encode() + b"\n")
    texts = read_tsv(path, MRPC.source)
    assert list(zip(texts.first, texts.second, texts.labels, strict=True)) == rows
