"""What a step and a prediction cost: FLOPs as counted by torch, latency and throughput as measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.clock import synchronise
from bench.engine.observe import Observed
from bench.engine.workbench import Workbench

LATENCY_REPEATS = 15
THROUGHPUT_REPEATS = 3
THROUGHPUT_BATCH = 250


def flops_of(work: Callable[[], Any]) -> int:
    """The floating-point operations (a multiply-add is 2) of matrix products, convolutions and attention."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


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
