"""CIFAR-100 in torchvision's layout: reading it, and what is said when it is missing or damaged."""

import hashlib
import pickle
from http.client import IncompleteRead
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR100

from bench.errors import DataError
from bench.protocol import Recipe
from tasks.cifar100 import DEVIATION, MEAN, PADDING, Cifar100
from tasks.images import crop_and_flip

task = Cifar100()
ITEMS = {"train": 12, "test": 5}


def write_small_cifar(root: Path) -> dict[str, dict]:
    """The official files with a few random images: pickled rows of 3,072 bytes, channel by channel."""
    folder = root / "cifar-100-python"
    folder.mkdir()
    random = np.random.default_rng(0)
    written = {}
    for part, count in ITEMS.items():
        fine = random.integers(100, size=count).tolist()
        written[part] = {
            "filenames": [f"image_{number}.png" for number in range(count)],
            "batch_label": f"{part}ing batch 1 of 1",
            "fine_labels": fine,
            "coarse_labels": [label // 5 for label in fine],
            "data": random.integers(256, size=(count, 3072), dtype=np.uint8),
        }
    written["meta"] = {
        "fine_label_names": [f"fine {number}" for number in range(100)],
        "coarse_label_names": [f"coarse {number}" for number in range(20)],
    }
    for name, content in written.items():
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    return written


@pytest.fixture
def small_cifar(tmp_path, monkeypatch):
    """A small data set whose checksums torchvision takes for the official ones. Its folder and content."""
    written = write_small_cifar(tmp_path)
    sums = {name: hashlib.md5((tmp_path / "cifar-100-python" / name).read_bytes()).hexdigest() for name in written}
    monkeypatch.setattr(CIFAR100, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": sums["meta"]})
    return tmp_path, written


def test_images_and_labels_are_those_of_the_files(small_cifar):
    folder, written = small_cifar
    data = task.load(folder)
    for examples, part in ((data.train, "train"), (data.test, "test")):
        count = ITEMS[part]
        assert examples.inputs.shape == (count, 32, 32, 3)
        assert examples.inputs.dtype == torch.uint8
        assert examples.labels.tolist() == written[part]["fine_labels"]
        assert examples.labels.dtype == torch.int64
        for number, row, column, channel in ((0, 0, 0, 0), (3, 5, 30, 1), (count - 1, 31, 2, 2)):
            byte = written[part]["data"][number][channel * 1024 + row * 32 + column]
            assert examples.inputs[number, row, column, channel] == byte


def test_prepared_images_are_channels_last(small_cifar):
    images = task.load(small_cifar[0]).train.inputs
    for draws in (None, task.draw(4, torch.Generator().manual_seed(0))):
        prepared = task.prepare(images[torch.arange(4)], draws)
        assert prepared.shape == (4, 3, 32, 32)
        assert prepared.is_contiguous(memory_format=torch.channels_last)


def test_the_loaded_data_feed_a_network(small_cifar):
    images = task.load(small_cifar[0]).test.inputs
    logits = task.network("resnet8x4").eval()(task.prepare(images, None))
    assert logits.shape == (ITEMS["test"], 100)


def test_missing_folder_says_where_to_get_the_data(tmp_path):
    with pytest.raises(DataError) as caught:
        task.load(tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "cifar-100-python") in message
    assert "cs.toronto.edu" in message
    assert "--data-dir" in message


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_changed_byte_is_found_by_the_checksum(small_cifar, name):
    path = small_cifar[0] / "cifar-100-python" / name
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"corrupt.*checksums"):
        task.load(small_cifar[0])


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_missing_file_is_an_incomplete_folder(small_cifar, name):
    (small_cifar[0] / "cifar-100-python" / name).unlink()
    with pytest.raises(DataError, match="incomplete"):
        task.load(small_cifar[0])


def test_small_files_do_not_pass_for_the_official_ones(tmp_path):
    write_small_cifar(tmp_path)
    with pytest.raises(DataError, match="checksums"):
        task.load(tmp_path)


@pytest.mark.parametrize("error", [OSError("no route to host"), IncompleteRead(b"half of it")])
def test_a_failed_download_is_a_data_error(tmp_path, monkeypatch, error):
    def fail(self):
        raise error

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(CIFAR100, "download", fail)
    with pytest.raises(DataError, match="could not be downloaded"):
        task.load(None)


def test_prepare_crops_flips_and_normalises():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (64, 32, 32, 3), generator=generator, dtype=torch.uint8)
    draws = task.draw(64, generator)
    plain, augmented = task.prepare(images, None), task.prepare(images, draws)
    assert torch.equal(augmented, task.prepare(crop_and_flip(images, draws, PADDING), None))
    assert not torch.equal(augmented, plain)
    assert draws["flip"].any()
    assert draws["top"].max() == 2 * PADDING == 8
    for channel in range(3):
        expected = (images[..., channel] / 255 - MEAN[channel]) / DEVIATION[channel]
        torch.testing.assert_close(plain[:, channel], expected, atol=1e-5, rtol=1e-5)


def test_paper_is_the_published_recipe():
    paper = task.protocols["paper"]
    assert not paper.select
    assert paper.fit_items is None
    recipe: Recipe = paper.student
    assert (recipe.epochs, recipe.batch_size, recipe.optimiser) == (240, 64, "sgd")
    assert (recipe.learning_rate, recipe.momentum, recipe.weight_decay) == (0.05, 0.9, 5e-4)
    for epoch, rate in ((0, 0.05), (149, 0.05), (150, 0.005), (180, 0.0005), (210, 0.00005), (239, 0.00005)):
        assert recipe.learning_rate * recipe.schedule.at(epoch / 240) == pytest.approx(rate)


def test_networks_of_every_pair_exist():
    for name in {name for pair in task.pairs for name in (pair.teacher, pair.student)}:
        assert task.resolve(name) == f"cifar_{name}"
