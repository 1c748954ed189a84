"""Your own images as a task: `--tasks imagefolder:PATH`.

PATH holds one folder a class, of whose images a fixed, stratified fifth becomes `test`; or `train` and `test`, each
with one folder a class. `val` stands in for `test` where there is none; where there is one, `val` is not used. Images
are scaled and cropped to squares, which stay in memory.
"""

from __future__ import annotations

import hashlib
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import DataError
from bench.protocol import Protocol, Recipe, Schedule
from bench.task import Data, Examples, Pair, Task, with_name
from tasks.few_examples import long_enough

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

# Of ImageNet, so that pretrained networks find what they know.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
TEST_SHARE = 0.2
STEP, SMALLEST, LARGEST = 32, 32, 224
"""Sizes are multiples of the first, from the second to the third."""

RECIPE = Recipe(
    epochs=100,
    batch_size=64,
    learning_rate=0.05,
    schedule=Schedule("cosine", warmup=0.05),
    overrides={"*vit*": {"optimiser": "adamw", "learning_rate": 1e-3, "weight_decay": 0.05, "gradient_clip": 1.0}},
)
FAIR = Protocol("fair", student=RECIPE, teacher=RECIPE)
QUICK = Recipe(**{**vars(RECIPE), "epochs": 10})
SMOKE = Recipe(**{**vars(RECIPE), "epochs": 4, "batch_size": 4})
PROTOCOLS = {
    "fair": FAIR,
    "quick": with_name(FAIR, "quick", student=QUICK, teacher=QUICK),
    "smoke": with_name(FAIR, "smoke", student=SMOKE, teacher=SMOKE, evaluations=4),
}


class OwnImages(Task):
    """A folder of images."""

    summary = "your own images: one folder a class"
    modality = "image"
    pairs = (Pair("resnet50", "resnet18"), Pair("resnet18", "resnet10t"))
    default_pairs = pairs[1:]
    default_protocol = "fair"

    def __init__(self, form: str, path: str) -> None:
        self.argument = f"{form}:{path}"
        root = Path(path)
        parts = [root / name for name in ("train", "test", "val") if (root / name).is_dir()]
        if parts and (parts[0].name != "train" or len(parts) == 1):
            raise DataError(f"{root} holds {', '.join(part.name for part in parts)}: expected train, and test or val")
        if len(parts) == 3:
            self.note = "The images in `val` are not used: the harness carves its own `select` from `train`."
        parts = parts[:2]
        files = [listed(part) for part in (parts or [root])]
        self.class_names = tuple(files[0])
        for part, each in zip(parts[1:], files[1:], strict=True):
            if set(each) - set(self.class_names):
                raise DataError(
                    f"{part} has the classes {sorted(set(each) - set(self.class_names))}, which train lacks"
                )
        if len(self.class_names) < 2:
            raise DataError(
                f"{parts[0] if parts else root} has {len(self.class_names)} class folders with images, expected 2"
            )
        if len(files) == 1:
            files = [*held_out(files[0])]
            self.held_out = sorted(file.relative_to(root).as_posix() for each in files[1].values() for file in each)
        self._train, self._test = ([(file, label) for label in each for file in each[label]] for each in files)
        self.classes = len(self.class_names)
        self.train_items, self.test_items = len(self._train), len(self._test)
        # Other content is another task: its records must not stand with these.
        digest = hashlib.sha256()
        for part, each in (("train", self._train), ("test", self._test)):
            for file, label in each:
                digest.update(f"{part} {label} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        self.name = f"{form}:{root.resolve().name}-{digest.hexdigest()[:8]}"
        self.size = common_size([file for file, _ in self._train])
        self.protocols = {name: long_enough(each, self.train_items) for name, each in PROTOCOLS.items()}
        self.input_format = (
            f"RGB images, the shorter side scaled to {self.size} pixels, the middle {self.size}x{self.size} of them, "
            f"values from 0 to 1, less the means {MEAN}, divided by {DEVIATION}"
        )

    def load(self, data_dir: Path | None) -> Data:
        return Data(self._examples(self._train), self._examples(self._test))

    def _examples(self, files: list[tuple[Path, str]]) -> Examples:
        import torch

        number = {name: place for place, name in enumerate(self.class_names)}
        images = torch.stack([square(file, self.size) for file, _ in files])
        return Examples(images, torch.tensor([number[label] for _, label in files]))

    def resolve(self, name: str) -> str:
        from tasks.networks.names import resolve

        return resolve(name, prefix="")

    def network(self, name: str) -> nn.Module:
        from tasks.networks.names import create

        return create(self.resolve(name), classes=self.classes, channels=3, size=self.size)

    def save(self, network: nn.Module, folder: Path) -> str:
        from tasks.networks.names import save

        return save(network, folder)

    def blank(self, count: int) -> Tensor:
        import torch

        return torch.zeros(count, self.size, self.size, 3, dtype=torch.uint8)

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        from tasks.images import crop_and_flip_draws

        return crop_and_flip_draws(count, self.size // 8, flip=True, generator=generator)

    def prepare(self, inputs: Tensor, draws: dict[str, Tensor] | None) -> Tensor:
        from tasks.images import crop_and_flip, normalise

        if draws is not None:
            inputs = crop_and_flip(inputs, draws, self.size // 8)
        return normalise(inputs, MEAN, DEVIATION)


def listed(folder: Path) -> dict[str, list[Path]]:
    """Class name → its image files, both in alphabetical order."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    if not folder.is_dir():
        raise DataError(f"{folder} does not exist: expected a folder with one folder of images a class")
    found = {}
    for place in sorted(each for each in folder.iterdir() if each.is_dir()):
        files = sorted(file for file in place.rglob("*") if file.suffix.lower() in IMG_EXTENSIONS and file.is_file())
        if files:
            found[place.name] = files
    return found


def held_out(files: dict[str, list[Path]]) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Training and test files: of every class the same share, the same files every time."""
    train, test = {}, {}
    for label, each in files.items():
        order = sorted(each, key=lambda file: hashlib.sha256(file.name.encode()).digest())
        count = max(1, round(TEST_SHARE * len(each)))
        if count == len(each):
            raise DataError(f"class {label!r} has {len(each)} images, expected at least 2")
        test[label], train[label] = sorted(order[:count]), sorted(order[count:])
    return train, test


def common_size(files: list[Path]) -> int:
    """The side of the squares: the median of the shorter sides, as a multiple of STEP within the limits."""
    sides = []
    for file in files:
        with opened(file) as image:
            sides.append(min(image.size))
    return min(LARGEST, max(SMALLEST, STEP * round(statistics.median(sides) / STEP)))


def square(file: Path, size: int) -> Tensor:
    """uint8 (size, size, 3): the shorter side scaled to `size`, the middle of the longer one."""
    import numpy as np
    import torch
    from PIL import ImageOps

    with opened(file) as image:
        try:
            return torch.from_numpy(np.array(ImageOps.fit(image.convert("RGB"), (size, size))))
        except Exception as error:  # each of Pillow's formats objects to damage in its own way
            raise DataError(f"{file} is damaged: {error}") from error


def opened(file: Path):
    """The image of a file; one that is none raises DataError."""
    from PIL import Image

    try:
        return Image.open(file)
    except Exception as error:  # also of an image that would fill the memory
        raise DataError(f"{file} is not an image that can be read: {error}") from error
