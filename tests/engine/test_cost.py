"""The cost of a step: counted by torch; of text at three lengths, which give it for every other."""

from __future__ import annotations

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from bench.cell import Cell
from bench.engine.cost import flops_of, step_flops
from bench.engine.loaded_teacher import LoadedTeacher
from bench.engine.preparation import Rehearsal, rehearse
from bench.engine.workbench import Workbench
from bench.method import Batch
from bench.registry import Registry
from tasks.agreement import Agreement

CONFIG = BertConfig(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, vocab_size=20, num_labels=3
)


def text(length: int) -> Batch:
    return Batch({"input_ids": torch.ones(4, length, dtype=torch.long)}, torch.zeros(4, dtype=torch.long))


def test_flops_of_text_are_known_for_every_length() -> None:
    network = BertForSequenceClassification(CONFIG)

    def step(batch: Batch) -> None:
        network(**batch.inputs).logits.sum().backward()

    flops = step_flops(step, text(24))
    for length in (3, 7, 24, 40, 100):
        assert flops(text(length)) == flops_of(lambda length=length: step(text(length)))
    assert flops(text(40)) > 2 * flops(text(20))  # attention grows with the square


def test_flops_of_a_few_tokens_are_known_too() -> None:
    layer = nn.Linear(5, 7)
    batch = Batch({"input_ids": torch.ones(2, 1)}, torch.zeros(2))
    flops = step_flops(lambda batch: layer(torch.ones(2, batch.inputs["input_ids"].shape[1], 5)), batch)
    assert flops(batch) == 2 * 2 * 5 * 7


def test_flops_of_images_are_the_same_for_every_batch() -> None:
    layer = nn.Linear(5, 7)
    counts = []

    def step(batch: Batch) -> None:
        counts.append(1)
        layer(batch.inputs)

    batch = Batch(torch.ones(3, 5), torch.zeros(3))
    flops = step_flops(step, batch)
    assert flops(batch) == flops(batch) == 3 * 2 * 5 * 7
    assert len(counts) == 1


def rehearsals(name: str, seeds: int) -> list[Rehearsal]:
    """A method's rehearsals on agreement, with a teacher that has learnt nothing."""
    task = Agreement()
    pair = task.default_pairs[0]
    bound, protocol = task.on(pair), task.protocols["smoke"]
    bench = Workbench(bound, protocol, None, torch.device("cpu"), "float32")
    method = Registry().method(name)()
    teacher = bench.build(pair.teacher, 0, "teacher").requires_grad_(False).eval()
    loaded = LoadedTeacher(teacher, None, None, None)
    return [
        rehearse(Cell(bound, pair, method, protocol, seed, "float32", "0" * 64), bench, loaded) for seed in range(seeds)
    ]


def test_memory_does_not_depend_on_the_seed_and_grows_with_what_a_method_keeps() -> None:
    peaks = {}
    for name in ("scratch", "kd", "pkd", "metadistil"):
        counted = {each.peak_tensor_bytes for each in rehearsals(name, 2)}
        assert len(counted) == 1, name
        [peaks[name]] = counted
    assert peaks["scratch"] <= peaks["kd"] < peaks["pkd"] < peaks["metadistil"]


def test_what_a_step_of_text_costs_does_not_depend_on_the_lengths_of_a_quiz() -> None:
    counted = [each.step_flops["train"] for each in rehearsals("metadistil", 3)]
    for length in (6, 9, 14):
        assert len({flops(text(length)) for flops in counted}) == 1
    assert counted[0](text(6)) < counted[0](text(9)) < counted[0](text(14))
