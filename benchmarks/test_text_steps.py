"""Text, as ratios measured in one run: the engine's steps against the usual loop's, on real MRPC.

`BENCH_DATA_DIR=… BENCH_ENCODER=… uv run pytest benchmarks/test_text_steps.py`
"""

from __future__ import annotations

import pytest
import text_workloads
import workloads

from bench.registry import Registry

STEPS = 12
PROMISED = 2.0
"""How many times the samples per second of the usual loop there must be."""


@pytest.fixture(scope="module")
def mrpc():
    return text_workloads.workbench()


@pytest.mark.benchmark(group="usual-loop-mrpc")
@pytest.mark.parametrize(
    ("name", "usual"),
    [("kd", text_workloads.usual_kd), ("tinybert", text_workloads.usual_layers)],
    ids=["kd", "tinybert"],
)
def test_a_method_against_the_usual_loop(compare, mrpc, name, usual):
    """How many times the samples per second of the usual loop, which pads every example to 128 tokens."""
    bench, pair = mrpc
    cls = Registry().method(name)
    ours = workloads.harness_steps(bench, cls(**cls.text_defaults), pair=pair)
    assert compare(ours, usual(bench, pair), steps=STEPS, rounds=5) >= PROMISED
