"""What the benchmarks run: a method's steps as the engine makes them, and KD resnet56→resnet20 two ways beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.datasets import VisionDataset
from torchvision.transforms import v2 as transforms

from bench.cell import Cell
from bench.engine.hardware import has_bfloat16, keep_freed_memory, resolve_precision
from bench.engine.loaded_teacher import LoadedTeacher
from bench.engine.preparation import prepare, rehearse
from bench.engine.recorded import Steps
from bench.engine.workbench import Workbench
from bench.method import Method, Stage
from bench.protocol import Protocol
from bench.task import Data, Examples, Pair, Task
from tasks.cifar100 import DEVIATION, MEAN, Cifar100

CPU = torch.device("cpu")
BATCH = 64
PAIR = Pair("resnet56", "resnet20")
EPOCH_STEPS = 12
"""Steps of one epoch."""


class RandomCifar100(Cifar100):
    """CIFAR-100 in shape and type, with random pixels: speed does not depend on them."""

    train_items = BATCH * EPOCH_STEPS
    test_items = 100

    def load(self, data_dir: Path | None) -> Data:
        random = torch.Generator().manual_seed(0)

        def part(count: int) -> Examples:
            images = torch.randint(0, 256, (count, 32, 32, 3), dtype=torch.uint8, generator=random)
            return Examples(images, torch.arange(count) % self.classes)

        return Data(part(self.train_items), part(self.test_items))


def workbench(task: Task, protocol: Protocol) -> Workbench:
    """The engine's data and networks on the CPU, at the precision that the protocol takes here."""
    keep_freed_memory()  # as a worker does
    return Workbench(task, protocol, None, CPU, resolve_precision(protocol.precision, has_bfloat16(CPU)))


def all_fit(task: RandomCifar100) -> Protocol:
    """`fair`, but all images are trained on, so that an epoch has EPOCH_STEPS steps."""
    return dataclasses.replace(task.protocols["fair"], select=False)


def harness_steps(
    bench: Workbench,
    method: Method,
    compiled: bool = False,
    pair: Pair = PAIR,
    played: bool = True,
    stage: Stage | None = None,
) -> Iterator[None]:
    """Steps of one of the method's stages as the engine makes them: its batches, its observers, its update.

    played: from a recording, where the device makes one. stage: the first one, if none is given.
    """
    teacher = bench.build(pair.teacher, 0, "teacher").requires_grad_(False).eval()
    loaded = LoadedTeacher(teacher, use=None, test_logits=None, inference=None)
    cell = Cell(bench.task, pair, method, bench.protocol, 0, bench.precision, "benchmark")
    cell = dataclasses.replace(cell, compiled=compiled)
    compiled_teacher = rehearse(cell, bench, loaded).compiled_teacher if compiled else None
    training, stream = prepare(cell, bench, loaded, compiled_teacher)
    training.begin(stage or method.stages()[0])
    step = Steps(method, training) if played else lambda batch: method.step(training, batch)
    while True:
        training.advance(0.5)
        step(next(stream))
        yield


def bare_steps(bench: Workbench) -> Iterator[None]:
    """The same KD step written out: tensors, channels_last, the same precision and augmentation, no harness."""
    recipe = bench.protocol.student
    teacher = bench.build("resnet56", 0, "teacher").network.requires_grad_(False).eval()
    student = bench.build("resnet20", 0, "student").network
    optimiser = torch.optim.SGD(
        student.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, fused=True
    )
    images, labels = bench.splits.fit.inputs, bench.splits.fit.labels
    dtype = getattr(torch, bench.precision)
    while True:
        order = torch.randperm(len(labels))
        for start in range(0, len(labels) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            draws = bench.task.draw(BATCH, torch.default_generator)
            batch = bench.task.prepare(images[chosen], draws)
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                with torch.no_grad():
                    target = teacher(batch)
                logits = student(batch)
            kd_step(logits, target, labels[chosen], optimiser)
            yield


class Images(VisionDataset):
    """The random images as PIL images behind transforms, as most training code has them."""

    def __init__(self, examples: Examples) -> None:
        pipeline = [
            transforms.ToPILImage(),
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToImage(),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize(MEAN, DEVIATION),
        ]
        super().__init__(root="", transform=transforms.Compose(pipeline))
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = self.examples.inputs[index].permute(2, 0, 1)
        return self.transform(image), int(self.examples.labels[index])


def plain_steps(bench: Workbench) -> Iterator[None]:
    """The usual loop: float32, NCHW, PIL transforms in a DataLoader with 2 workers."""
    teacher = bench.task.network("resnet56").requires_grad_(False).eval()
    student = bench.task.network("resnet20").train()
    optimiser = torch.optim.SGD(student.parameters(), 0.05, 0.9, weight_decay=5e-4)
    loader = DataLoader(
        Images(bench.splits.fit), BATCH, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True
    )
    while True:
        for batch, labels in loader:
            with torch.no_grad():
                target = teacher(batch)
            kd_step(student(batch), target, labels, optimiser)
            yield


def kd_step(logits: torch.Tensor, target: torch.Tensor, labels: torch.Tensor, optimiser: torch.optim.Optimizer) -> None:
    """KD's loss (T = 4, α = .9) and one update."""
    soft = F.kl_div((logits.float() / 4).log_softmax(1), (target.float() / 4).softmax(1), reduction="batchmean")
    loss = 0.1 * F.cross_entropy(logits.float(), labels) + 0.9 * 16 * soft
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def take(steps: Iterator[Any], count: int) -> None:
    """Runs `count` steps, or makes so many batches."""
    for _ in islice(steps, count):
        pass
