"""CIFAR-100 (Krizhevsky, 2009): 50,000 training and 10,000 test images of 32x32 in 100 classes.

The pairs and the recipe of `paper` are those of the published KD tables (Tian et al., ICLR 2020).
"""

from __future__ import annotations

import warnings
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cache import cache_folder
from bench.errors import DataError
from bench.protocol import Protocol, Recipe, Schedule
from bench.task import Data, Examples, Pair, Task, with_name

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

MEAN = (0.5071, 0.4867, 0.4408)
DEVIATION = (0.2675, 0.2565, 0.2761)
PADDING = 4

OVERRIDES = {
    "*mobilenet*": {"learning_rate": 0.01},
    "*shufflenet*": {"learning_rate": 0.01},
    # No published table has these; plain SGD hardly trains a vision transformer.
    "*vit*": {"optimiser": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "gradient_clip": 1.0},
}

# The published recipe: SGD, batch 64, 240 epochs, /10 after 150, 180 and 210; the last epoch is reported.
PAPER = Recipe(
    epochs=240,
    batch_size=64,
    learning_rate=0.05,
    schedule=Schedule("steps", milestones=(150 / 240, 180 / 240, 210 / 240)),
    overrides=OVERRIDES,
)
SMOOTH = Recipe(
    epochs=240,
    batch_size=64,
    learning_rate=0.05,
    # A smooth schedule: with steps every method would cross the target right after a decay.
    schedule=Schedule("cosine", warmup=0.02),
    overrides=OVERRIDES,
)


def shortened(recipe: Recipe, epochs: float) -> Recipe:
    """The recipe with another number of epochs; its schedule is in shares, so it shrinks with them."""
    return Recipe(**{**vars(recipe), "epochs": epochs})


FAIR = Protocol("fair", student=SMOOTH, teacher=SMOOTH)


class Cifar100(Task):
    name = "cifar100"
    summary = "CIFAR-100: 100 classes of 32x32 colour images (Krizhevsky, 2009)"
    modality = "image"
    input_format = f"32x32 RGB images, values from 0 to 1, less the means {MEAN}, divided by {DEVIATION}"
    classes = 100
    train_items = 50_000
    test_items = 10_000
    pairs = (
        Pair("resnet56", "resnet20"),
        Pair("resnet110", "resnet32"),
        Pair("resnet32x4", "resnet8x4"),
        Pair("wrn_40_2", "wrn_16_2"),
        Pair("wrn_40_2", "wrn_40_1"),
        Pair("vgg13", "vgg8"),
        Pair("resnet32x4", "shufflenetv2"),
        Pair("resnet32x4", "mobilenetv2"),
        Pair("vit_small", "vit_tiny"),
    )
    default_pairs = (pairs[0], pairs[-1])
    protocols = {
        "fair": FAIR,
        "paper": Protocol(
            "paper",
            student=PAPER,
            teacher=PAPER,
            select=False,
            parameters={
                "fitnets": {"single_stage": True},
                "at": {"form": "code"},
                "fsp": {"on_top": True},
            },
        ),
        # Minutes a cell on two CPU cores. Teachers see the whole of `fit`: one that was trained on the
        # students' subset would be worse than its student.
        "quick": with_name(
            FAIR,
            "quick",
            student=shortened(SMOOTH, 4),
            teacher=shortened(SMOOTH, 10),
            fit_items=10_000,
            select_items=1_000,
        ),
        "smoke": with_name(
            FAIR,
            "smoke",
            student=shortened(SMOOTH, 1),
            teacher=shortened(SMOOTH, 0.02),
            fit_items=256,
            select_items=100,
            evaluations=4,
        ),
    }
    default_protocol = "fair"

    def load(self, data_dir: Path | None) -> Data:
        from torchvision.datasets import CIFAR100

        root = data_dir or cache_folder() / "data"
        try:
            with warnings.catch_warnings():
                # NumPy 2.4 warns about how torchvision reads the official pickles; a user cannot mend it.
                warnings.simplefilter("ignore")
                train, test = (CIFAR100(str(root), train=part, download=data_dir is None) for part in (True, False))
        except (RuntimeError, OSError, HTTPException, EOFError, KeyError, ValueError) as error:
            raise DataError(advice(root, data_dir is not None)) from error
        return Data(examples(train), examples(test))

    def resolve(self, name: str) -> str:
        from tasks.networks.names import resolve

        return resolve(name, prefix="cifar_")

    def network(self, name: str) -> nn.Module:
        from tasks.networks.names import create

        return create(self.resolve(name), classes=self.classes, channels=3, size=32)

    def save(self, network: nn.Module, folder: Path) -> str:
        from tasks.networks.names import save

        return save(network, folder)

    def blank(self, count: int) -> Tensor:
        import torch

        return torch.zeros(count, 32, 32, 3, dtype=torch.uint8)

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        from tasks.images import crop_and_flip_draws

        return crop_and_flip_draws(count, PADDING, flip=True, generator=generator)

    def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
        from tasks.images import crop_and_flip, normalise

        if draws is not None:
            inputs = crop_and_flip(inputs, draws, PADDING)
        return normalise(inputs, MEAN, DEVIATION)


def examples(dataset: Any) -> Examples:
    """torchvision's data set as tensors: uint8 (n, 32, 32, 3) and labels (n,)."""
    import torch

    # torchvision gives a transposed view; in memory order it is channels_last at no further cost.
    return Examples(torch.from_numpy(dataset.data).contiguous(), torch.tensor(dataset.targets))


def advice(root: Path, given: bool) -> str:
    """What to do when CIFAR-100 cannot be read."""
    folder = root / "cifar-100-python"
    if given and not folder.is_dir():
        problem = f"CIFAR-100 is not in {root}: expected the folder {folder} with the files train, test and meta"
    elif given:
        problem = f"CIFAR-100 in {folder} is incomplete or corrupt: the checksums of train, test or meta differ"
    else:
        problem = f"CIFAR-100 could not be downloaded into {root}"
    return (
        f"{problem}. Download cifar-100-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, "
        "unpack it, and name the folder that holds cifar-100-python/ with --data-dir or BENCH_DATA_DIR."
    )
