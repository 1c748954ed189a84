"""GLUE on disk and from the hub: every layout gives the same texts and labels.

Layouts of a data folder, tried in this order, T being a task's name (`MRPC` in the classic layout, `mrpc` elsewhere):
- classic: `glue_data/T/{train,dev}.tsv` or `T/{train,dev}.tsv`, as the official download script writes them
- saved: `glue/T/` or `T/`, written by `datasets` with `save_to_disk`
- hub: `glue/T/` or `T/` with `train-*.parquet` and `validation-*.parquet`, as the hub's repository has them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import DataError

HUB = "nyu-mll/glue"


LOWEST, HIGHEST = 0, 5
"""Scores of STS-B, the one regression."""


@dataclass(frozen=True)
class Source:
    """Where one task's texts and labels are."""

    folder: str
    """In the classic layout."""
    name: str
    """On the hub, and in the layouts that come from there."""
    columns: tuple[str, ...]
    """Of the texts, on the hub."""
    classic_columns: tuple[str, ...]
    """Of the texts in the classic layout; numbers where its files have no header."""
    classic_label: str
    labels: tuple[str, ...]
    """The class names as the classic layout writes them, in the order of the hub's numbers; none: a regression."""
    classic_width: int = 0
    """How many columns the classic layout has, where its files have no header to say so."""
    classic_is_broken: bool = False
    """Whether the official classic files have rows torn in two, which the hub's data leave out."""
    tests: tuple[tuple[str, str], ...] = (("dev", "validation"),)
    """The official development sets, in the classic layout and on the hub; the first one is `test`."""


@dataclass(frozen=True)
class Texts:
    """A split: first texts, second texts if there are any, labels as numbers."""

    first: Sequence[str]
    second: Sequence[str] | None
    labels: Sequence[int | float]
    left_out: int = 0
    """Rows of the official file that are broken."""

    def __len__(self) -> int:
        return len(self.labels)


def read_splits(source: Source, data_dir: Path | None) -> list[Texts]:
    """The training set and the development sets. Data that are missing or broken raise DataError."""
    if data_dir is None:
        return from_hub(source)
    for folder in (data_dir / "glue_data" / source.folder, data_dir / source.folder):
        if (folder / "train.tsv").is_file():
            return [read_tsv(folder / f"{part}.tsv", source) for part in ("train", *(old for old, _ in source.tests))]
    parts = ("train", *(new for _, new in source.tests))
    for folder in (data_dir / "glue" / source.name, data_dir / source.name):
        if (folder / "dataset_dict.json").is_file():
            return from_saved(source, folder, parts)
        if any(folder.glob("train-*.parquet")):
            return [from_parquet(source, folder, part) for part in parts]
    raise DataError(
        f"GLUE's {source.folder} is not in {data_dir}: expected {data_dir / 'glue_data' / source.folder}/train.tsv, or "
        f"{data_dir / 'glue' / source.name} as saved by `datasets` or as on the hub. {advice()}"
    )


def advice() -> str:
    """How to get the data."""
    return (
        f"With a network, leave --data-dir out and `datasets` downloads {HUB}; without one, copy that data set and "
        "name its folder with --data-dir or BENCH_DATA_DIR."
    )


def from_hub(source: Source) -> list[Texts]:
    """Through `datasets`, from its cache or the network."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        data = load_dataset(HUB, source.name)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise DataError(f"GLUE's {source.folder} could not be had from the hub: {error}. {advice()}") from error
    return [of_columns(data[part].to_dict(), source, HUB) for part in ("train", *(new for _, new in source.tests))]


def from_saved(source: Source, folder: Path, parts: Sequence[str]) -> list[Texts]:
    """A folder that `DatasetDict.save_to_disk` wrote."""
    from datasets import load_from_disk

    try:
        data = load_from_disk(str(folder))
        return [of_columns(data[part].to_dict(), source, folder) for part in parts]
    except DataError:
        raise
    except Exception as error:  # `datasets` objects to damage in many ways
        raise DataError(f"GLUE's {source.folder} in {folder} cannot be read: {error}. {advice()}") from error


def from_parquet(source: Source, folder: Path, part: str) -> Texts:
    """The files of one split, as the hub's repository has them."""
    import pyarrow
    import pyarrow.parquet

    files = sorted(folder.glob(f"{part}-*.parquet"))
    if not files:
        raise DataError(f"GLUE's {source.folder}: {folder} has no {part}-*.parquet. {advice()}")
    try:
        data = pyarrow.concat_tables([pyarrow.parquet.read_table(file) for file in files]).to_pydict()
    except Exception as error:  # pyarrow objects to damage in many ways
        raise DataError(f"GLUE's {source.folder} in {folder} cannot be read: {error}. {advice()}") from error
    return of_columns(data, source, folder)


def of_columns(data: dict[str, list[Any]], source: Source, origin: Any) -> Texts:
    """The texts and labels of the hub's columns."""
    for column in (*source.columns, "label"):
        if column not in data:
            raise DataError(f"GLUE's {source.folder} in {origin} has no column {column!r}: it has {', '.join(data)}")
    texts = [data[column] for column in source.columns]
    for column, each in zip(source.columns, texts, strict=True):
        if None in each:
            raise DataError(f"GLUE's {source.folder} in {origin}: row {each.index(None)} has no {column}")
    for number, label in enumerate(data["label"]):
        if source.labels and label not in range(len(source.labels)):
            raise DataError(
                f"GLUE's {source.folder} in {origin}: row {number} has label {label}, expected 0 to "
                f"{len(source.labels) - 1}"
            )
        if not source.labels and (label is None or not LOWEST <= label <= HIGHEST):
            raise DataError(
                f"GLUE's {source.folder} in {origin}: row {number} has score {label}, expected {LOWEST} to {HIGHEST}"
            )
    return Texts(texts[0], texts[1] if len(texts) > 1 else None, data["label"])


def read_tsv(path: Path, source: Source) -> Texts:
    """A file of the classic layout: tabs separate, nothing quotes, a byte-order mark may stand at the start."""
    try:
        # Only a line feed ends a line: the texts contain other characters that Python takes for line ends.
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}. {advice()}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}. {advice()}") from error
    rows = [line.removesuffix("\r").split("\t") for line in lines]
    if rows[-1] == [""]:
        rows.pop()
    columns = (*source.classic_columns, source.classic_label)
    if columns[0].isdecimal():
        places, first, width = [int(column) for column in columns], 1, source.classic_width
    else:
        header, rows, first = rows[0] if rows else [], rows[1:], 2
        for column in columns:
            if column not in header:
                raise DataError(f"{path} has no column {column!r}: its first line has {', '.join(header)}")
        places, width = [header.index(column) for column in columns], len(header)
    texts: list[list[str]] = [[] for _ in source.classic_columns]
    labels: list[int | float] = []
    left_out = 0
    for number, row in enumerate(rows, start=first):
        if len(row) != width:
            if not source.classic_is_broken:
                raise DataError(f"{path}, line {number}: {len(row)} columns, expected {width}")
            left_out += 1
            continue
        for column, place in zip(texts, places, strict=False):
            column.append(row[place])
        labels.append(label_of(row[places[-1]], source, path, number))
    return Texts(texts[0], texts[1] if len(texts) > 1 else None, labels, left_out)


def label_of(text: str, source: Source, path: Path, line: int) -> int | float:
    """The number of a label as the classic layout writes it."""
    if source.labels:
        if text not in source.labels:
            raise DataError(f"{path}, line {line}: label {text!r} is none of {', '.join(source.labels)}")
        return source.labels.index(text)
    try:
        score = float(text)
    except ValueError:
        raise DataError(f"{path}, line {line}: score {text!r} is not a number") from None
    if not LOWEST <= score <= HIGHEST:
        raise DataError(f"{path}, line {line}: score {text} is not between {LOWEST} and {HIGHEST}")
    return score
