"""Every registered method on every pair of every task: a reason why not, or steps that train what they should.

Images and tokens are random, so no data are needed. Tasks whose networks are pretrained get a small one.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from language import FAMILIES, model_folder
from torch import nn

from bench.engine.observe import observed
from bench.engine.observed import Observed
from bench.engine.passes import by_name
from bench.engine.randomness import derive, seeded
from bench.engine.teachers import weights_digest
from bench.engine.training import Training
from bench.identity import key_of
from bench.method import Batch, Method, Outputs
from bench.plan import example_outputs, why_not
from bench.registry import Registry
from bench.task import Pair, Task
from tasks.glue import Glue

REGISTRY = Registry()
NAMES = [plugin.name for plugin in REGISTRY.plugins("methods")]
FOLDER = tempfile.TemporaryDirectory()
PRETRAINED = [Pair(str(model_folder(Path(FOLDER.name) / family, family)), "layers:2") for family in FAMILIES]
BATCH = 4


def pairs_of(task: Task) -> list[Pair]:
    """The pairs of a task; of GLUE, whose networks are on the hub, a small BERT, and of one task every family."""
    if not isinstance(task, Glue):
        return list(task.pairs)
    return PRETRAINED if task.name == "glue/mrpc" else PRETRAINED[:1]


def all_tasks() -> list[Task]:
    return [REGISTRY.task(plugin.name) for plugin in REGISTRY.plugins("tasks")]


TASKS = {(task.name, str(pair)): task.on(pair) for task in all_tasks() for pair in pairs_of(task)}
PAIRS = [
    pytest.param(task, text, id=f"{task}-{text.replace(f'{FOLDER.name}/', '')}") for task, text in TASKS
]  # named without the folder, which is another one in every run

torch.set_num_threads(1)


@lru_cache
def example(task: Task, network: str) -> Outputs:
    return example_outputs(task, network)


@lru_cache
def teacher(task: Task, name: str) -> tuple[Observed, str]:
    """A teacher with random weights, its batch norms fitted to a batch: else a deep one overflows in eval mode."""
    network = build(task, name, 50).requires_grad_(False)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    network(next(batches(task, "statistics")).inputs)
    for norm in norms:
        norm.momentum = 0.1
    return network.eval(), weights_digest(network.state_dict())


def build(task: Task, name: str, seed: int) -> Observed:
    with seeded(seed, "conformance"):
        return observed(task.network(name).to(memory_format=torch.channels_last), "float32").train()


def batches(task: Task, purpose: str) -> Iterator[Batch]:
    """Random images, augmented as the task does; or random tokens, some of them padding."""
    generator = torch.Generator().manual_seed(derive(0, purpose))
    while True:
        labels = torch.randint(max(2, task.classes), (BATCH,), generator=generator)
        if task.modality == "text":
            tokens = torch.randint(4, 20, (BATCH, 6), generator=generator)
            mask = torch.arange(6) < torch.tensor([6, 3, 5, 4])[:, None]
            inputs = {"input_ids": tokens.where(mask, 0), "attention_mask": mask}
            yield Batch(task.prepare(inputs, None), labels.float() if task.classes == 1 else labels)
            continue
        images = torch.randint(0, 17 if task.name == "digits" else 256, task.blank(BATCH).shape, generator=generator)
        yield Batch(task.prepare(images.to(torch.uint8), task.draw(BATCH, generator)), labels)


def defaults(name: str, task: Task) -> Method:
    cls = REGISTRY.method(name)
    return cls(**(cls.text_defaults if task.modality == "text" else {}))


def reason(name: str, task: Task, pair: Pair) -> str | None:
    return why_not(defaults(name, task), example(task, pair.student), example(task, pair.teacher))


def trained(training: Training) -> dict[str, nn.Parameter]:
    """Everything that should learn in the run."""
    modules = {"student": training.student, "adapters": training.adapters, **training.networks}
    return {
        f"{label}.{name}": each
        for label, module in modules.items()
        for name, each in module.named_parameters()
        if each.requires_grad
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("task", "text"), PAIRS)
def test_a_method_skips_a_pair_with_a_reason_or_trains_all_it_should(task: str, text: str, name: str) -> None:
    pair, made = Pair.parse(text), TASKS[task, text]
    why = reason(name, made, pair)
    if why is not None:
        assert len(why) > 10
        return
    method = defaults(name, made)
    fixed, digest = teacher(made, pair.teacher)
    training = Training(
        method,
        build(made, pair.student, 1),
        fixed if method.uses_teacher else None,
        next(batches(made, "blank")),
        made.protocols[made.default_protocol].student.resolved(made.resolve(pair.student)),
        seed=1,
        new_student=lambda number: build(made, pair.student, 1 + number),
        quiz=batches(made, "quiz") if method.quiz_share() else None,
    )
    weights = trained(training)
    before = {key: each.detach().clone() for key, each in weights.items()}
    own = {each for optimiser in training.optimisers.values() for g in optimiser.param_groups for each in g["params"]}
    reached: set[str] = set()
    stream = batches(made, "fit")
    for stage in method.stages():
        training.begin(stage)
        # In the middle, where a warm-up from zero is over.
        training.advance(0.5)
        # Twice: a classifier that starts at zero passes no gradient on in its first step.
        for _ in range(2):
            with training.counting(training.passes):
                method.step(training, next(stream))
            assert math.isfinite(float(training.loss_sum))
            reached |= {
                key for key, each in weights.items() if each.grad is not None and bool(each.grad.isfinite().all())
            }
    steps = 2 * len(method.stages())
    passes = by_name(training.passes)
    assert passes["student"]["updates"] == steps
    assert min(passes["student"]["forwards"], passes["student"]["backwards"]) >= steps
    assert all(passes[name]["updates"] == steps for name in training.optimisers)
    assert ("teacher" in passes) == method.uses_teacher
    main = {key for key, each in weights.items() if each not in own}
    assert main - reached == set()
    still = {key for key, each in weights.items() if torch.equal(each, before[key])}
    assert {key for key in still & main if not key.startswith("student.")} == set()
    # A few weights have no gradient by nature, or one too small for float32.
    for part in ("student.", *(f"{name}." for name in training.optimisers)):
        members = {key for key in weights if key.startswith(part)}
        assert len(still & members) < 0.2 * len(members), still
    assert weights_digest(fixed.state_dict()) == digest
    assert all(each.grad is None for each in fixed.parameters())
    assert not fixed.training


@pytest.mark.parametrize("name", NAMES)
def test_every_method_takes_some_pair(name: str) -> None:
    assert any(reason(name, made, Pair.parse(text)) is None for (_, text), made in TASKS.items())


@pytest.mark.parametrize(("task", "text"), PAIRS)
def test_the_controls_and_the_target_take_every_pair(task: str, text: str) -> None:
    made = TASKS[task, text]
    protocol = made.protocols[made.default_protocol]
    for name in (*protocol.controls, protocol.target):
        assert reason(name, made, Pair.parse(text)) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_described_and_can_be_keyed(name: str) -> None:
    cls = REGISTRY.method(name)
    page = inspect.getdoc(cls)
    assert "Deviations" in page
    assert re.search(r"\((.+ )?(19|20)\d\d\b", page) or name == "scratch"
    assert isinstance(cls.version, int)
    assert cls.version >= 1
    for options in ({}, cls.text_defaults):
        method = cls(**options)
        assert json.loads(json.dumps(method.parameters())) == method.parameters()
        assert key_of(method.parameters())
        stages = method.stages()
        assert sum(stage.share for stage in stages if not stage.extra) == pytest.approx(1)
        assert len({stage.name for stage in stages}) == len(stages)
        assert stages[-1].trains_classifier
        assert 0 <= method.quiz_share() < 1
