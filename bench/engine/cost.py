"""What a step and a prediction cost: FLOPs as counted by torch, latency and throughput as measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.clock import synchronise
from bench.engine.observed import Observed
from bench.engine.workbench import Workbench
from bench.method import Batch

StepFlops = Callable[[Batch], int]
"""The FLOPs of a step on a batch."""

LATENCY_REPEATS = 15
THROUGHPUT_REPEATS = 3
THROUGHPUT_BATCH = 250


def flops_of(work: Callable[[], Any]) -> int:
    """The floating-point operations (a multiply-add is 2) of matrix products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def step_flops(step: Callable[[Batch], Any], batch: Batch) -> StepFlops:
    """Counts a step. Of text, whose batches have as many tokens as their longest example, at three lengths.

    Tokens enter the FLOPs of a transformer at most as their square, so three lengths give them for all. Further batches
    that a step takes must have as many tokens as the one it is given: on average they do.
    """
    if not isinstance(batch.inputs, dict):
        counted = flops_of(lambda: step(batch))
        return lambda any_batch: counted
    longest = token_count(batch)
    lengths = sorted({max(1, longest * part // 3) for part in (1, 2, 3)})
    flops = [flops_of(lambda length=length: step(shortened(batch, length))) for length in lengths]
    polynomial = np.polyfit(lengths, flops, len(lengths) - 1)
    return lambda any_batch: round(float(np.polyval(polynomial, token_count(any_batch))))


def token_count(batch: Batch) -> int:
    """The tokens of each row of a batch of text, padding included."""
    return batch.inputs["input_ids"].shape[1]


def shortened(batch: Batch, length: int) -> Batch:
    """A batch of text without the columns after `length`."""
    return batch._replace(inputs={name: tensor[:, :length] for name, tensor in batch.inputs.items()})


def inference(bench: Workbench, network: Observed) -> dict[str, float | int]:
    """Median latency of one example, throughput of large batches, FLOPs of one example."""
    training = network.training
    network.eval()
    with torch.no_grad():
        one, many = bench.blank(1).inputs, bench.blank(THROUGHPUT_BATCH).inputs
        flops = flops_of(lambda: network(one))
        latency = _median_seconds(lambda: network(one), LATENCY_REPEATS, bench.device)
        batch = _median_seconds(lambda: network(many), THROUGHPUT_REPEATS, bench.device)
    network.train(training)
    return {"latency_seconds": latency, "examples_per_second": THROUGHPUT_BATCH / batch, "flops": flops}


def _median_seconds(work: Callable[[], Any], repeats: int, device: torch.device) -> float:
    work()
    times = []
    for _ in range(repeats):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
