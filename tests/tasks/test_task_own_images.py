"""Own images: folders are classes, sizes are common, what is for test is fixed; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.errors import DataError
from bench.registry import Registry
from tasks.own_images import OwnImages

COLOURS = {"blue": (0, 0, 200), "red": (200, 0, 0)}


def draw(folder: Path, count: int = 10, size: tuple[int, int] = (40, 34)) -> Path:
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size, colour).save(folder / name / f"{number}.png")
    return folder


def task_of(folder: Path) -> OwnImages:
    return Registry().task(f"imagefolder:{folder}")


def test_folders_are_classes_and_a_fifth_of_each_is_for_test(tmp_path: Path) -> None:
    task = task_of(draw(tmp_path / "mine"))
    assert (task.class_names, task.classes, task.size) == (("blue", "red"), 2, 32)
    assert (task.train_items, task.test_items) == (16, 4)
    data = task.load(None)
    assert data.train.inputs.shape == (16, 32, 32, 3)
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    for examples in (data.train, data.test):
        for image, label in zip(examples.inputs, examples.labels, strict=True):
            assert tuple(image[5, 5].tolist()) == list(COLOURS.values())[label]
    assert task_of(tmp_path / "mine").name == task.name
    assert task.prepare(data.test.inputs, None).shape == (4, 3, 32, 32)


@pytest.mark.parametrize("name", ["test", "val"])
def test_a_test_folder_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    draw(tmp_path / "train", 5)
    draw(tmp_path / name, 3)
    task = task_of(tmp_path)
    assert (task.train_items, task.test_items) == (10, 6)


def test_the_files_that_are_for_test_are_known(tmp_path: Path) -> None:
    task = task_of(draw(tmp_path / "mine", 5))
    assert len(task.held_out) == task.test_items
    assert all((tmp_path / "mine" / name).is_file() for name in task.held_out)


def test_where_there_is_a_test_folder_val_is_not_used(tmp_path: Path) -> None:
    for name, count in (("train", 5), ("test", 3), ("val", 2)):
        draw(tmp_path / name, count)
    task = task_of(tmp_path)
    assert (task.train_items, task.test_items) == (10, 6)
    assert "images in `val` are not used" in task.note


@pytest.mark.parametrize(("side", "size"), [(20, 32), (70, 64), (500, 224)])
def test_images_are_scaled_to_a_common_size(tmp_path: Path, side: int, size: int) -> None:
    assert task_of(draw(tmp_path, 2, (side, side + 9))).size == size


def test_other_content_is_another_task(tmp_path: Path) -> None:
    before = task_of(draw(tmp_path / "mine")).name
    (tmp_path / "mine" / "red" / "0.png").unlink()
    assert task_of(tmp_path / "mine").name != before


def test_a_small_folder_is_seen_often_enough_for_the_evaluations(tmp_path: Path) -> None:
    task = task_of(draw(tmp_path / "mine"))
    for protocol in task.protocols.values():
        assert protocol.student.steps(task.train_items // 2) >= protocol.evaluations
    assert Registry().task(f"imagefolder:{draw(tmp_path / 'large', 400)}").protocols["quick"].student.epochs == 10


def test_names_are_those_of_timm(tmp_path: Path) -> None:
    # Not the house's resnet50 of CIFAR, whose maps are as large as the image.
    assert task_of(draw(tmp_path / "mine", 2)).resolve("resnet50") == "resnet50"


def test_networks_take_the_images_and_are_loaded_by_timm(tmp_path: Path) -> None:
    task = task_of(draw(tmp_path / "mine", 2))
    network = task.network("resnet10t").eval()
    folder = tmp_path / "out"
    folder.mkdir()
    found: dict[str, nn.Module] = {}
    exec(task.save(network, folder).replace('"model.safetensors"', repr(str(folder / "model.safetensors"))), found)
    loaded = found["model"].eval()
    images = task.prepare(task.load(None).test.inputs, None)
    assert torch.equal(loaded(images), network(images))


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        task_of(tmp_path / "nowhere")
    (tmp_path / "one" / "red").mkdir(parents=True)
    Image.fromarray(np.zeros((40, 40, 3), dtype=np.uint8)).save(tmp_path / "one" / "red" / "a.png")
    with pytest.raises(DataError, match="has 1 class folders with images, expected 2"):
        task_of(tmp_path / "one")
    draw(tmp_path / "bad")
    (tmp_path / "bad" / "red" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0\.png is not an image"):
        task_of(tmp_path / "bad").load(None)
    draw(tmp_path / "three" / "train")
    with pytest.raises(DataError, match="holds train: expected train, and test or val"):
        task_of(tmp_path / "three")
    draw(tmp_path / "three" / "test")
    (tmp_path / "three" / "test" / "red").rename(tmp_path / "three" / "test" / "green")
    with pytest.raises(DataError, match=r"has the classes \['green'\], which train lacks"):
        task_of(tmp_path / "three")
