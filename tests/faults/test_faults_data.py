"""Data from elsewhere: nothing in them runs, and what is damaged is named."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bombs import Bomb
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import CIFAR100

from bench.errors import DataError
from tasks.cifar100 import Cifar100
from tasks.own_images import OwnImages, square
from tasks.own_text import read


def test_the_bomb_goes_off_where_it_is_unpickled(mark):
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_a_cifar_file_with_a_wrong_checksum_is_not_unpickled(tmp_path, mark, monkeypatch, name):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    rows = {"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 1]}
    whole = {"train": rows, "test": rows, "meta": {"fine_label_names": ["a", "b"]}}
    sums = {}
    for part, content in whole.items():
        (folder / part).write_bytes(pickle.dumps(content))
        sums[part] = hashlib.md5((folder / part).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR100, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": sums["meta"]})
    assert len(Cifar100().load(tmp_path).train) == 2
    (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(DataError, match=r"corrupt: the checksums of train, test or meta differ"):
        Cifar100().load(tmp_path)
    assert not mark.exists()


def image(form: str) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def table(form: str) -> bytes:
    rows = pd.DataFrame({"text": [f"a {number}" for number in range(12)], "label": ["x", "y", "z"] * 4})
    stream = io.BytesIO()
    if form == "parquet":
        rows.to_parquet(stream)
    elif form == "csv":
        rows.to_csv(stream, index=False)
    else:
        rows.to_json(stream, orient="records", lines=True)
    return stream.getvalue()


FILES: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    **{
        f"{form.lower()}": (image(form), lambda path: square(path, 32))
        for form in ("PNG", "JPEG", "BMP", "TIFF", "PPM")
    },
    **{form: (table(form), lambda path, form=form: read(form, path)) for form in ("csv", "jsonl", "parquet")},
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=120)
@given(
    kind=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3),
    share=st.just(1.0) | st.floats(0, 1),
)
def test_damaged_data_are_read_or_named(tmp_path_factory, kind, changes, share):
    whole, load = FILES[kind]
    damaged = bytearray(whole)
    for place, value in changes:
        damaged[int(place * len(whole))] = value
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(damaged[: int(share * len(whole))])
    try:
        load(path)
    except DataError as error:
        said = str(error)
        assert path.name in said


def test_an_image_that_would_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "bomb.ppm"
    path.write_bytes(b"P6 100000 100000 255\n")
    with pytest.raises(DataError, match=r"bomb\.ppm is not an image that can be read: .*exceeds limit"):
        square(path, 32)


def test_a_pipe_among_the_images_is_not_waited_for(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(5):
            (tmp_path / label / f"{number}.png").write_bytes(image("PNG"))
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert OwnImages("imagefolder", str(tmp_path)).train_items == 8
