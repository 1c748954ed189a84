"""Where a KD step goes on a GPU, beside the least that the card could take for it.

`uv run python benchmarks/on_a_gpu.py [--compile]` prints a table, and the same as JSON in its last line. What the card
can do is measured on it: a large product in bfloat16, a large copy, many small kernels. Nothing else may use the card
meanwhile.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import workloads
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.engine.clock import synchronise
from bench.engine.cost import flops_of
from bench.engine.hardware import has_bfloat16, resolve_device, resolve_precision
from bench.engine.workbench import Workbench
from bench.method import Method
from bench.registry import Registry

PRODUCT = 8192
COPIED = 2**31
KERNELS = 2000
STEPS = 50
ROUNDS = 5
PROFILED = 20


class ManyImages(workloads.RandomCifar100):
    """As many images as the students of `quick` see, so that an epoch's end weighs as little."""

    train_items = 10_000


class Traffic(TorchDispatchMode):
    """Adds up the bytes of what every operation takes and gives, as if each came from the device's memory."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.bytes += sum(each.nbytes for each in tree_leaves((args, kwargs, given)) if isinstance(each, Tensor))
        return given


def seconds_of(work: Callable[[], Any], device: torch.device, rounds: int = ROUNDS) -> float:
    """The median over the rounds, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def ceilings(device: torch.device) -> dict[str, float]:
    """What the card can do: FLOPs and bytes a second, and the seconds that it takes to start a small kernel."""
    a, b = (torch.randn(PRODUCT, PRODUCT, device=device, dtype=torch.bfloat16) for _ in range(2))
    source = torch.randint(255, (COPIED,), dtype=torch.uint8, device=device)
    target, small = torch.empty_like(source), torch.zeros(64, device=device)

    def kernels() -> None:
        for _ in range(KERNELS):
            small.add_(1)

    return {
        "flops_per_second": 2 * PRODUCT**3 / seconds_of(lambda: torch.mm(a, b), device),
        "bytes_per_second": 2 * COPIED / seconds_of(lambda: target.copy_(source), device),
        "start_seconds": seconds_of(kernels, device) / KERNELS,
    }


def profiled(steps: Iterator[None], device: torch.device) -> dict[str, float]:
    """Of a step: what runs on the device, copies included, and how long that takes."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        workloads.take(steps, PROFILED)
        synchronise(device)
    events = [
        event
        for event in profiler.profiler.kineto_results.events()
        if event.device_type() == torch.autograd.DeviceType.CUDA and not event.is_user_annotation()
    ]
    return {
        "kernels": len(events) / PROFILED,
        "device_seconds": sum(event.duration_ns() for event in events) / PROFILED / 1e9,
    }


def measure(bench: Workbench, method: Method, limits: dict[str, float], **way: bool) -> dict[str, float]:
    """A method's step, taken in this way: seconds, and the least that each of the card's limits would allow."""
    # FLOPs and bytes are the plain step's: what is compiled or played is not seen.
    plain = workloads.harness_steps(bench, method, played=False)
    workloads.take(plain, 1)
    flops = flops_of(lambda: workloads.take(plain, 1))
    with Traffic() as traffic:
        workloads.take(plain, 1)
    steps = workloads.harness_steps(bench, method, **way)
    workloads.take(steps, PROFILED)
    seconds = seconds_of(lambda: workloads.take(steps, STEPS), bench.device) / STEPS
    seen = profiled(steps, bench.device)
    return {
        "seconds": seconds,
        "kernels": seen["kernels"],
        "flops": flops,
        "bytes": traffic.bytes,
        "starts_seconds": seen["kernels"] * limits["start_seconds"],
        "device_seconds": seen["device_seconds"],
        "bytes_seconds": traffic.bytes / limits["bytes_per_second"],
        "flops_seconds": flops / limits["flops_per_second"],
    }


def report(title: str, step: dict[str, float]) -> str:
    """The step as lines of text."""
    lines = [f"{title}: {step['kernels']:.0f} kernels, {step['flops']:.3g} FLOPs, {step['bytes']:.3g} bytes a step"]
    for name, what in (
        ("seconds", "measured"),
        ("starts_seconds", "to start as many small kernels, one after the other"),
        ("device_seconds", "the device at work"),
        ("bytes_seconds", "every operation's bytes at the bandwidth of a copy"),
        ("flops_seconds", "the FLOPs at the rate of a large product"),
    ):
        lines.append(f"  {1e3 * step[name]:8.3f} ms  {step[name] / step['seconds']:6.1%}  {what}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default="kd", help="by commas (default: %(default)s)")
    parser.add_argument("--compile", action="store_true", help="also with the teacher through torch.compile")
    given = parser.parse_args()
    device = resolve_device("cuda")
    # As a worker does.
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    limits = ceilings(device)
    print(
        f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}: "
        f"{limits['flops_per_second'] / 1e12:.0f} TFLOP/s, {limits['bytes_per_second'] / 1e12:.2f} TB/s, "
        f"{1e6 * limits['start_seconds']:.1f} µs to start a kernel"
    )
    task = ManyImages()
    bench = Workbench(task, workloads.all_fit(task), None, device, resolve_precision("auto", has_bfloat16(device)))
    ways = {"kernel by kernel": {"played": False}, "played": {}}
    if given.compile:
        ways["played, teacher compiled"] = {"compiled": True}
    registry, measured = Registry(), {}
    for name in registry.select("methods", given.methods):
        for title, way in ways.items():
            step = measured[f"{name}, {title}"] = measure(bench, registry.method(name)(), limits, **way)
            print(report(f"{name}, {title}", step), flush=True)
    print(json.dumps({"ceilings": limits, "steps": measured}))


if __name__ == "__main__":
    main()
