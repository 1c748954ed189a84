"""What the benchmarks on text run: real MRPC, a 6-layer encoder → its first 3 layers, as the engine and as usual."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bench.engine.hardware import keep_freed_memory
from bench.engine.workbench import Workbench
from bench.task import Pair
from tasks.glue import MRPC

BATCH = 32
PADDED = 128
"""Tokens of every example in the usual loop."""


def workbench() -> tuple[Workbench, Pair]:
    """MRPC in float32 on the CPU, with a pair of the encoder in the folder $BENCH_ENCODER."""
    data, encoder = os.environ.get("BENCH_DATA_DIR"), os.environ.get("BENCH_ENCODER")
    if not (data and encoder):
        pytest.skip("BENCH_DATA_DIR (with glue_data/MRPC) and BENCH_ENCODER (a Hugging Face folder) are not set")
    keep_freed_memory()  # as a worker does
    task = MRPC()
    pair = Pair(task.resolve(encoder), "layers:3")
    bound = task.on(pair)
    return Workbench(bound, bound.protocols["fair"], Path(data), torch.device("cpu"), "float32"), pair


class Usual:
    """The usual loop: every example padded to 128 tokens and masked, a DataLoader, float32, AdamW."""

    def __init__(self, bench: Workbench, pair: Pair, attention: str) -> None:
        """attention: of transformers, `sdpa` or, to see the probabilities, `eager`."""
        self.teacher = bench.task.network(pair.teacher).requires_grad_(False).eval()
        self.student = bench.task.network(pair.student).train()
        for network in (self.teacher, self.student):
            network.set_attn_implementation(attention)
        self.optimiser = torch.optim.AdamW(self.student.parameters(), 5e-5, weight_decay=0.01)
        fit = bench.splits.fit
        real = torch.arange(PADDED) < fit.lengths[:, None]
        padded = [F.pad(tensor, (0, PADDED - tensor.shape[1])) for tensor in fit.inputs.values()]
        self.names = (*fit.inputs, "attention_mask")
        rows = TensorDataset(*padded, real.long(), fit.labels)
        # No workers: on a CPU they would take their time from the training, for examples that lie in memory.
        self.loader = DataLoader(rows, BATCH, shuffle=True, drop_last=True)

    def batches(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        while True:
            for *inputs, labels in self.loader:
                yield dict(zip(self.names, inputs, strict=True)), labels

    def update(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimiser.step()


def usual_kd(bench: Workbench, pair: Pair) -> Iterator[None]:
    """KD with α = .5 and T = 2."""
    loop = Usual(bench, pair, "sdpa")
    for inputs, labels in loop.batches():
        with torch.no_grad():
            target = loop.teacher(**inputs).logits
        logits = loop.student(**inputs).logits
        soft = F.kl_div((logits / 2).log_softmax(1), (target / 2).softmax(1), reduction="batchmean")
        loop.update(0.5 * F.cross_entropy(logits, labels) + 0.5 * 4 * soft)
        yield


def usual_layers(bench: Workbench, pair: Pair) -> Iterator[None]:
    """TinyBERT's first step: the embeddings, hidden states and attention that transformers return."""
    loop = Usual(bench, pair, "eager")
    for inputs, _ in loop.batches():
        with torch.no_grad():
            theirs = loop.teacher(**inputs, output_hidden_states=True, output_attentions=True)
        ours = loop.student(**inputs, output_hidden_states=True, output_attentions=True)
        ratio = len(theirs.attentions) // len(ours.attentions)
        pairs = [
            *zip(ours.hidden_states, theirs.hidden_states[::ratio], strict=True),
            *zip(ours.attentions, theirs.attentions[ratio - 1 :: ratio], strict=True),
        ]
        loop.update(sum(F.mse_loss(a, b) for a, b in pairs))
        yield
