"""Your own texts as a task: `--tasks csv:PATH`, `jsonl:PATH` or `parquet:PATH`.

PATH is a file, of which a fixed, stratified fifth becomes `test`, or a folder with a file `train` and a file `test`.
Columns: `text`, `label`, and `text2` where an example is a pair of texts. Labels are names or whole numbers; labels
with fractions make a regression. A csv has no types: its labels are numbers if all are, and none starts with a zero
that says nothing.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import DataError, listed
from bench.task import Data, Examples
from tasks.few_examples import long_enough
from tasks.text import FINE_TUNING, PRETRAINED_PAIRS, REGRESSION, TextTask, correlations

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

TEST_SHARE = 0.2
NUMBERS = "iufb"
"""The kinds of numpy's types that a column of numbers has."""
COLUMNS = ("text", "text2", "label")
MOST_COLUMNS = 10
"""That an error lists."""


class OwnText(TextTask):
    """A table of texts and labels."""

    summary = "your own texts: columns text, label and perhaps text2"
    pairs = PRETRAINED_PAIRS
    default_pairs = pairs[:1]
    default_protocol = "fair"
    usual = 32

    def __init__(self, form: str, path: str) -> None:
        """form: `csv`, `jsonl` or `parquet`."""
        super().__init__()
        self._train, self._test, digest = read(form, Path(path))
        self.argument = f"{form}:{path}"
        # Other content is another task: its records must not stand with these.
        self.name = f"{form}:{Path(path).stem}-{digest[:8]}"
        labels = self._train["label"]
        self.regression = has_fractions(labels)
        self._labels = () if self.regression else tuple(sorted(labels.unique().tolist()))
        self.class_names = tuple(map(str, self._labels))
        self.classes = 1 if self.regression else len(self._labels)
        self.metric = "pearson_spearman" if self.regression else "accuracy"
        self.remark = REGRESSION if self.regression else ""
        self.train_items, self.test_items = len(self._train), len(self._test)
        if not Path(path).is_dir():
            self.held_out = [row + 1 for row in self._test.index]
        if self.classes == 1 and not self.regression:
            raise DataError(f"{self.argument}: every label is {self._labels[0]!r}, expected two classes or more")
        unknown = [] if self.regression else sorted(set(self._test["label"]) - set(self._labels))
        if unknown:
            raise DataError(f"{self.argument}: the test labels {unknown} are not among the training labels")
        if self.regression and self._test["label"].nunique() == 1:
            raise DataError(
                f"{self.argument}: every label for test is {self._test['label'].iloc[0]}, expected scores that differ: "
                "there is no correlation with a constant"
            )
        self.protocols = {name: long_enough(each, self.train_items) for name, each in FINE_TUNING.items()}

    def read_data(self, data_dir: Path | None) -> Data:
        return Data(self._examples(self._train), self._examples(self._test))

    def _examples(self, table: pd.DataFrame) -> Examples:
        import torch

        if self.regression:
            labels = torch.tensor(table["label"].to_numpy(), dtype=torch.float)
        else:
            number = {name: place for place, name in enumerate(self._labels)}
            labels = torch.tensor([number[name] for name in table["label"]])
        second = table["text2"].tolist() if "text2" in table else None
        return self.examples(table["text"].tolist(), second, labels)

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        if not self.regression:
            return super().score(logits, labels)
        return correlations(logits, labels)


def read(form: str, path: Path) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The training and the test table, and the sha256 of the files."""
    if path.is_dir():
        files = [path / f"{part}.{form}" for part in ("train", "test")]
    else:
        files = [path]
    for file in files:
        if not file.is_file():
            raise DataError(
                f"{file} does not exist: expected a {form} file, or a folder with train.{form} and test.{form}"
            )
    digest = hashlib.sha256(
        "".join(hashlib.sha256(file.read_bytes()).hexdigest() for file in files).encode()
    ).hexdigest()
    tables = [checked(table_of(form, file), file) for file in files]
    if len({table["label"].dtype.kind in NUMBERS for table in tables}) > 1:
        raise DataError(
            f"{path}: the labels are numbers in one of {files[0].name} and {files[1].name}, names in the other"
        )
    if len(tables) == 2:
        return tables[0], tables[1], digest
    [whole] = tables
    test = held_out(whole["label"])
    if not test.any():
        raise DataError(
            f"{path}: no label has the 3 rows that it takes to hold out a fifth of them for test ({len(whole)} rows, "
            f"{whole['label'].nunique()} labels): expected more rows a label, or a folder with train.{form} and "
            f"test.{form}"
        )
    return whole[~test], whole[test], digest


def table_of(form: str, file: Path) -> pd.DataFrame:
    """One file as a table; what cannot be read raises DataError."""
    import pandas as pd

    readers: dict[str, Any] = {
        "csv": lambda: typed(pd.read_csv(file, encoding="utf-8-sig", dtype=str, keep_default_na=False)),
        "jsonl": lambda: of_lines(file),
        "parquet": lambda: of_parquet(file),
    }
    try:
        table = readers[form]()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8: {error}. Save it as UTF-8.") from error
    except Exception as error:  # pandas and pyarrow object to damage in many ways
        line = first_broken_line(file) if form == "jsonl" and isinstance(error, ValueError) else None
        place = f", line {line}" if line else ""
        raise DataError(f"{file}{place} cannot be read as {form}: {error}") from error
    if form == "csv" and not isinstance(table.index, pd.RangeIndex):
        # What pandas makes of a field too many in every row is names of rows, and the other columns are shifted.
        raise DataError(f"{file}: its rows have more fields than its header: put texts that contain commas in quotes")
    return table.reset_index(drop=True)


def of_parquet(file: Path) -> pd.DataFrame:
    """A parquet file as a table; texts that are not UTF-8 raise ValueError here, not where they are used."""
    import pandas as pd
    import pyarrow.parquet

    pyarrow.parquet.read_table(file).validate(full=True)
    return pd.read_parquet(file)


def of_lines(file: Path) -> pd.DataFrame:
    """A jsonl file as a table; one array of everything raises ValueError, or each of its items were a column."""
    import pandas as pd

    with open(file, encoding="utf-8") as lines:
        if lines.read(1) == "[":
            raise ValueError("it begins with '[', expected one object a line: `jq -c '.[]'` makes lines of an array")
    return pd.read_json(file, lines=True, dtype=False)


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """A table of strings with the labels as numbers, if all are."""
    import pandas as pd

    if "label" not in table:
        return table
    numbers = pd.to_numeric(table["label"], errors="coerce")
    zeros = table["label"].str.match(r"[+-]?0\d")
    return table if numbers.isna().any() or zeros.any() else table.assign(label=numbers)


def first_broken_line(file: Path) -> int | None:
    """The number of the first line that is no JSON; None if all are."""
    # Only a line feed ends a line: texts may hold other characters that Python takes for line ends.
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
        try:
            json.loads(line or "null")
        except ValueError:
            return number
    return None


def checked(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The columns that count; one that is missing, or a value that is, raises DataError with its row."""
    import pandas as pd

    for column in ("text", "label"):
        if column not in table:
            found = listed([str(name) for name in table], MOST_COLUMNS)
            raise DataError(f"{file} has no column {column!r}: expected {', '.join(COLUMNS)}, found {found}")
    if table.empty:
        raise DataError(f"{file} has no rows")
    table = table[[column for column in COLUMNS if column in table]]
    for column in table.select_dtypes("category"):
        table = table.astype({column: table[column].cat.categories.dtype})
    for column in table:
        absent = table[column].isna() | (table[column].astype(str).str.strip() == "")
        if absent.any():
            raise DataError(f"{file}, row {int(absent.to_numpy().argmax()) + 1}: no value in column {column!r}")
        if column != "label":
            check_type(table[column], str, "text", file)
    if pd.to_numeric(table["text"], errors="coerce").notna().all():
        raise DataError(f"{file}: column 'text' has numbers alone, {table['text'].iloc[0]!r} first, expected texts")
    check_labels(table["label"], file)
    return table


def check_labels(labels: pd.Series, file: Path) -> None:
    """Raises DataError unless they are all names, or all finite numbers."""
    import numpy as np
    import pandas as pd

    if labels.dtype.kind in NUMBERS:
        wrong, expected = ~np.isfinite(labels.to_numpy(dtype=float)), "a finite number"
    else:
        check_type(labels, str, "a name, as the labels are not all numbers", file)
        numbers = pd.to_numeric(labels, errors="coerce")
        if numbers.notna().all() and (numbers % 1 != 0).any():
            raise DataError(f"{file}: the labels are numbers in quotes, {labels.iloc[0]!r} first: write them without")
        wrong, expected = numbers.isna().to_numpy(), "a number, as most labels are"
        # Names, some of which may look like numbers.
        if wrong.mean() > 0.5:
            return
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{file}, row {row + 1}: label is {labels.tolist()[row]!r}, expected {expected}")


def check_type(column: pd.Series, kind: type, expected: str, file: Path) -> None:
    """Raises DataError with the row of the first value that is of another type."""
    other = column.map(lambda value: not isinstance(value, kind))
    if other.any():
        row = int(other.to_numpy().argmax())
        raise DataError(f"{file}, row {row + 1}: {column.name} is {column.tolist()[row]!r}, expected {expected}")


def has_fractions(labels: pd.Series) -> bool:
    """Whether they are the scores of a regression."""
    return labels.dtype.kind == "f" and bool((labels % 1 != 0).any())


def held_out(labels: pd.Series) -> pd.Series:
    """Which rows are for test: of every label the same share, the same rows every time."""
    import numpy as np
    import pandas as pd

    order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))
    shuffled = labels.iloc[order]
    # Scores are no kinds of which each could have its share.
    kinds = pd.Series(0, index=shuffled.index) if has_fractions(labels) else shuffled
    place = kinds.groupby(kinds).cumcount()
    size = kinds.groupby(kinds).transform("size")
    return (place < (TEST_SHARE * size).round()).reindex(labels.index)
