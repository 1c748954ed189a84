"""Own texts: what is read from the three formats, which rows are for test, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from language import model_folder

from bench.errors import DataError
from bench.registry import Registry
from bench.task import Pair
from tasks.own_text import OwnText

ROWS = pd.DataFrame(
    {
        "text": [f"the cat is {'big' if number % 2 else 'small'} , a b c {number}" for number in range(40)],
        "label": ["yes" if number % 2 else "no" for number in range(40)],
    }
)


def written(table: pd.DataFrame, form: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "csv":
        table.to_csv(path, index=False)
    elif form == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_parquet(path)
    return path


def task_of(table: pd.DataFrame, folder: Path, form: str = "csv") -> OwnText:
    return Registry().task(f"{form}:{written(table, form, folder / f'mine.{form}')}")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_format_gives_the_same_task(tmp_path: Path, form: str) -> None:
    task = task_of(ROWS, tmp_path, form)
    assert (task.classes, task.class_names, task.metric) == (2, ("no", "yes"), "accuracy")
    assert (task.train_items, task.test_items) == (32, 8)
    data = task.on(Pair(str(model_folder(tmp_path / "tiny")), "layers:1")).load(None)
    assert data.test.labels.bincount().tolist() == [4, 4]
    again = task_of(ROWS, tmp_path, form)
    pd.testing.assert_frame_equal(again._test, task._test)
    assert again.name == task.name


def test_a_name_says_which_content(tmp_path: Path) -> None:
    first = task_of(ROWS, tmp_path).name
    assert first.startswith("csv:mine-")
    assert task_of(ROWS.iloc[:30], tmp_path).name != first


def test_a_folder_brings_its_own_test(tmp_path: Path) -> None:
    written(ROWS.iloc[:30], "csv", tmp_path / "reviews" / "train.csv")
    written(ROWS.iloc[30:], "csv", tmp_path / "reviews" / "test.csv")
    task = Registry().task(f"csv:{tmp_path / 'reviews'}")
    assert (task.train_items, task.test_items) == (30, 10)
    assert task.held_out == ()
    assert task._test["text"].tolist() == ROWS["text"].iloc[30:].tolist()


def test_labels_with_fractions_are_a_regression(tmp_path: Path) -> None:
    task = task_of(ROWS.assign(label=[number / 8 for number in range(40)]), tmp_path)
    assert (task.classes, task.metric, task.test_items) == (1, "pearson_spearman", 8)
    assert "A regression" in task.note


def test_pairs_of_texts_are_read_as_pairs(tmp_path: Path) -> None:
    task = task_of(ROWS.assign(text2="the dog"), tmp_path).on(Pair(str(model_folder(tmp_path / "tiny")), "layers:1"))
    assert task.load(None).train.inputs["token_type_ids"].max() == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (ROWS.rename(columns={"text": "review"}), "no column 'text': expected text, text2, label, found review, label"),
        (ROWS.assign(label=["yes"] * 39 + [None]), "row 40: no value in column 'label'"),
        (ROWS.assign(label="yes"), "every label is 'yes', expected two classes or more"),
        (ROWS.assign(text=range(40)), "column 'text' has numbers alone, '0' first, expected texts"),
        (ROWS.iloc[:0], "mine.csv has no rows"),
        (ROWS.assign(text=["a"] * 6 + [""] + ["b"] * 33), "row 7: no value in column 'text'"),
        (ROWS.assign(label=[0, 1] * 19 + ["NA", 1]), "row 39: label is 'NA', expected a number, as most labels are"),
        (ROWS.assign(label=[0.5] * 39 + [math.inf]), "row 40: label is inf, expected a finite number"),
        (ROWS.assign(label=[0.0] * 38 + [0.5, 0.25]), "every label for test is 0.0, expected scores that differ"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, table: pd.DataFrame, said: str) -> None:
    with pytest.raises(DataError, match=said):
        task_of(table, tmp_path)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("table", "said"),
    [
        (ROWS.assign(text=range(40)), "row 1: text is 0, expected text"),
        (ROWS.assign(text=["a", " "] * 20), "row 2: no value in column 'text'"),
        (ROWS.assign(label=["1", "0.5"] * 20), "the labels are numbers in quotes, '1' first: write them without"),
    ],
)
def test_formats_with_types_mean_them(tmp_path: Path, form: str, table: pd.DataFrame, said: str) -> None:
    with pytest.raises(DataError, match=said):
        task_of(table, tmp_path, form)


@pytest.mark.parametrize(
    ("labels", "names"),
    [(["01", "02"], ("01", "02")), (["10", "9"], ("9", "10")), ([True, False], ("False", "True"))],
)
def test_labels_of_a_csv_are_numbers_if_they_can_be(tmp_path: Path, labels: list, names: tuple[str, ...]) -> None:
    assert task_of(ROWS.assign(label=labels * 20), tmp_path).class_names == names


def test_numbers_among_the_texts_of_a_csv_are_texts(tmp_path: Path) -> None:
    task = task_of(ROWS.assign(text=["7", "a cat"] * 20, text2=range(40)), tmp_path)
    assert set(task._train["text"]) == {"7", "a cat"}
    assert "3" in set(task._train["text2"]) | set(task._test["text2"])


@pytest.mark.parametrize("labels", [["yes", "no"], [0, 1]])
def test_categories_of_a_parquet_are_what_they_stand_for(tmp_path: Path, labels: list) -> None:
    table = ROWS.assign(label=pd.Categorical(labels * 20))
    assert task_of(table, tmp_path, "parquet").class_names == tuple(map(str, sorted(labels)))


def test_names_may_look_like_numbers_or_like_nothing(tmp_path: Path) -> None:
    assert task_of(ROWS.assign(label=["NA", "3", "none", "yes"] * 10), tmp_path).class_names == (
        "3",
        "NA",
        "none",
        "yes",
    )


def test_a_comma_too_many_in_every_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["text,label", *(f"great , loved it {n},{n % 2}" for n in range(40))]))
    with pytest.raises(DataError, match=r"its rows have more fields than its header.*quotes"):
        Registry().task(f"csv:{path}")


def test_a_broken_line_and_another_encoding_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"text": "a", "label": 1}\n{broken\n')
    with pytest.raises(DataError, match=r"mine\.jsonl, line 2 cannot be read as jsonl"):
        Registry().task(f"jsonl:{path}")
    path = tmp_path / "mine.csv"
    path.write_bytes("text,label\ncaf\xe9,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"mine\.csv is not UTF-8.*Save it as UTF-8"):
        Registry().task(f"csv:{path}")


def test_the_rows_that_are_for_test_are_known(tmp_path: Path) -> None:
    task = task_of(ROWS, tmp_path)
    assert [ROWS["text"].iloc[row - 1] for row in task.held_out] == task._test["text"].tolist()
    assert len(task.held_out) == 8


@pytest.mark.parametrize(("classes", "each", "held"), [(25, 4, 25), (10, 3, 10), (4, 10, 8), (3, 7, 3)])
def test_every_label_gives_its_share_to_test(tmp_path: Path, classes: int, each: int, held: int) -> None:
    texts = [f"a b {number}" for number in range(classes * each)]
    labels = [f"intent {number % classes}" for number in range(classes * each)]
    task = task_of(pd.DataFrame({"text": texts, "label": labels}), tmp_path)
    assert task.test_items == held
    assert task._test["label"].value_counts().nunique() == 1
    assert task._test["label"].nunique() == task.classes == classes


def test_labels_of_which_none_can_give_a_share_are_told(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["a b", "b c"] * 5, "label": [f"l{number // 2}" for number in range(10)]})
    with pytest.raises(DataError, match=r"hold out a fifth of them for test \(10 rows, 5 labels\)"):
        task_of(table, tmp_path)


def test_a_file_of_one_array_and_many_columns_are_told_shortly(tmp_path: Path) -> None:
    file = tmp_path / "array.jsonl"
    file.write_text(json.dumps(ROWS.to_dict("records")))
    with pytest.raises(DataError, match="expected one object a line"):
        Registry().task(f"jsonl:{file}")
    wide = pd.DataFrame({f"column{number}": ["a"] for number in range(300)})
    with pytest.raises(DataError, match="column9 and 290 more"):
        task_of(wide, tmp_path)


def test_the_index_of_a_stored_table_says_nothing(tmp_path: Path) -> None:
    task = task_of(pd.concat([ROWS, ROWS]), tmp_path, "parquet")
    assert (task.train_items, task.test_items) == (64, 16)


def test_a_file_that_is_missing_or_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv does not exist"):
        Registry().task(f"csv:{tmp_path / 'nowhere.csv'}")
    path = tmp_path / "mine.parquet"
    path.write_text("not a table")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        Registry().task(f"parquet:{path}")


def test_a_label_of_test_that_training_lacks_is_named(tmp_path: Path) -> None:
    written(ROWS, "csv", tmp_path / "r" / "train.csv")
    written(ROWS.assign(label="maybe"), "csv", tmp_path / "r" / "test.csv")
    with pytest.raises(DataError, match=r"the test labels \['maybe'\] are not among the training labels"):
        Registry().task(f"csv:{tmp_path / 'r'}")


def test_labels_of_two_kinds_are_named(tmp_path: Path) -> None:
    mixed = written(ROWS.assign(label=["yes", 1] * 20), "jsonl", tmp_path / "mixed.jsonl")
    with pytest.raises(DataError, match="row 2: label is 1, expected a name, as the labels are not all numbers"):
        Registry().task(f"jsonl:{mixed}")
    written(ROWS.assign(label=range(40)), "csv", tmp_path / "r" / "train.csv")
    written(ROWS, "csv", tmp_path / "r" / "test.csv")
    with pytest.raises(DataError, match=r"numbers in one of train\.csv and test\.csv, names in the other"):
        Registry().task(f"csv:{tmp_path / 'r'}")


def test_another_split_of_the_same_rows_is_another_task(tmp_path: Path) -> None:
    names = set()
    for cut in (30, 31):
        written(ROWS.iloc[:cut], "jsonl", tmp_path / "r" / "train.jsonl")
        written(ROWS.iloc[cut:], "jsonl", tmp_path / "r" / "test.jsonl")
        names.add(Registry().task(f"jsonl:{tmp_path / 'r'}").name)
    assert len(names) == 2


def test_a_small_table_is_seen_often_enough_for_the_evaluations(tmp_path: Path) -> None:
    task = task_of(ROWS, tmp_path)
    fair = task.protocols["fair"]
    assert fair.student.steps(task.train_items) >= fair.evaluations
    large = task_of(pd.concat([ROWS] * 100), tmp_path)
    assert large.protocols["fair"].student.epochs == 4


def test_cut_texts_are_counted(tmp_path: Path) -> None:
    table = ROWS.assign(text=["a " * (50 if number < 10 else 5) for number in range(40)])
    task = task_of(table, tmp_path).on(Pair(str(model_folder(tmp_path / "tiny")), "layers:1"))
    assert task.note == ""
    for _ in range(2):  # data of several tasks are read once more, to check them
        task.load(None)
    assert task.note == "10 texts are longer than 40 tokens, and cut."
