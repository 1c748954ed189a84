"""The digits task: fixed, disjoint, stratified splits; noise that is a function of its draws."""

import subprocess
import sys

import pytest
import torch

from bench.errors import UsageError
from bench.task import Pair
from tasks.digits import DEVIATION, MEAN, NOISE, Digits
from tasks.table import TABLE

task = Digits()


@pytest.fixture(scope="module")
def data():
    return task.load(None)


def test_data_have_the_shapes_and_sizes_that_the_task_says(data):
    for examples, count in ((data.train, task.train_items), (data.test, task.test_items)):
        assert examples.inputs.shape == (count, 8, 8, 1)
        assert examples.inputs.dtype == torch.uint8
        assert examples.inputs.max() == 16
        assert examples.labels.shape == (count,)
        assert examples.labels.dtype == torch.int64
    assert task.train_items + task.test_items == 1797
    assert task.blank(3).shape == data.train.inputs[:3].shape
    assert task.blank(3).dtype == data.train.inputs.dtype


def test_splits_are_the_same_every_time(data):
    torch.manual_seed(123)
    again = Digits().load(None)
    assert torch.equal(data.test.inputs, again.test.inputs)
    assert torch.equal(data.train.labels, again.train.labels)
    # The first labels of the test split, as they were when version 1 of the task was made.
    assert data.test.labels[:20].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5, 9, 0, 7, 8, 2, 1, 3, 6, 4]


def test_splits_are_disjoint_and_complete(data):
    from sklearn.datasets import load_digits

    every = sorted(map(bytes, load_digits().images.astype("uint8").reshape(1797, 64)))
    rows = torch.cat((data.train.inputs, data.test.inputs)).reshape(1797, 64).numpy()
    assert sorted(map(bytes, rows)) == every


def test_splits_are_stratified(data):
    train, test = data.train.labels.bincount(), data.test.labels.bincount()
    shares = test / (train + test)
    assert len(shares) == task.classes
    assert shares.min() > 0.325
    assert shares.max() < 0.34


def test_labels_belong_to_their_images(data):
    # A nearest neighbour finds 98% of the labels of digits; of shuffled ones it would find 10%.
    train, test = (each.inputs.reshape(len(each), 64).float() for each in (data.train, data.test))
    nearest = data.train.labels[torch.cdist(test, train).argmin(dim=1)]
    assert task.score(torch.nn.functional.one_hot(nearest, 10).float(), data.test.labels)["accuracy"] > 95


def test_prepare_normalises_and_permutes(data):
    images = data.train.inputs[:4]
    prepared = task.prepare(images, None)
    assert prepared.shape == (4, 1, 8, 8)
    assert prepared.dtype == torch.float32
    torch.testing.assert_close(prepared[2, 0, 3, 5], (images[2, 3, 5, 0].float() - MEAN) / DEVIATION)
    everything = task.prepare(data.train.inputs, None)
    assert abs(everything.mean()) < 0.02
    assert abs(everything.std() - 1) < 0.02


def test_noise_is_a_function_of_the_draws(data):
    images = data.train.inputs[:64]
    draws = task.draw(64, torch.Generator().manual_seed(5))
    assert torch.equal(task.prepare(images, draws), task.prepare(images, draws))
    same = task.draw(64, torch.Generator().manual_seed(5))
    assert all(torch.equal(draws[name], same[name]) for name in draws)
    other = task.draw(64, torch.Generator().manual_seed(6))
    assert not torch.equal(task.prepare(images, draws), task.prepare(images, other))

    noise = (task.prepare(images, draws) - task.prepare(images, None)) * DEVIATION
    torch.testing.assert_close(noise, NOISE * draws["noise"].permute(0, 3, 1, 2), atol=1e-4, rtol=0)
    assert abs(noise.std() - NOISE) < 0.2
    assert all(len(values) == 64 for values in draws.values())


def test_networks_and_pairs_exist():
    for pair in task.pairs:
        for name in (pair.teacher, pair.student):
            logits = task.network(name).eval()(task.prepare(task.blank(2), None))
            assert logits.shape == (2, 10)
    assert Pair("resnet14", "resnet8") in task.pairs
    assert set(task.default_pairs) <= set(task.pairs)
    assert task.resolve("resnet8") == "digits_resnet8"
    with pytest.raises(UsageError, match="vit_tiny"):
        task.network("vit_tinny")


def test_protocols_have_room_for_their_evaluations():
    assert task.default_protocol in task.protocols
    fit = task.train_items - round(task.select_share * task.train_items)
    for name, protocol in task.protocols.items():
        assert protocol.name == name
        assert protocol.fit_items <= fit
        steps = int(protocol.student.epochs * protocol.fit_items // protocol.student.batch_size)
        assert steps >= 2 * protocol.evaluations
        teacher_steps = int(protocol.teacher.epochs * fit // protocol.teacher.batch_size)
        assert teacher_steps >= 10
    assert task.protocols["fair"].evaluations == 40


@pytest.mark.parametrize(
    "module", ["tasks.table", *sorted({entry.location.partition(":")[0] for entry in TABLE.values()})]
)
def test_defining_tasks_does_not_import_torch(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'sklearn', 'timm', 'torchvision'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_table_names_the_tasks():
    from importlib import import_module

    for name, entry in TABLE.items():
        module, _, cls = entry.location.partition(":")
        found = getattr(import_module(module), cls)
        assert found.name == name
        assert found.summary == entry.summary
