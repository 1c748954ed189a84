"""The compiled teacher: the same outputs, compiled before the clock runs, and its own weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
from test_worker import cell, make_worker
from torch import Tensor, nn
from toy import WIDTHS, Maps

from bench.engine import worker
from bench.engine.compiled import compile_frozen
from bench.engine.observe import observed
from bench.engine.observed import Observed
from bench.engine.randomness import seeded
from bench.method import Outputs

pytestmark = [
    pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler"),
    pytest.mark.usefixtures("short_measurements"),
]
EVERYTHING = frozenset({"hidden", "qkv"})


def frozen(network: nn.Module) -> Observed:
    return observed(network, "float32").requires_grad_(False).eval()


def tensors(outputs: Outputs) -> list[Tensor]:
    return [outputs.logits, *outputs.hidden, *(each for layer in outputs.attention for each in layer)]


@pytest.mark.parametrize("name", ["maps", "transformer"])
def test_it_gives_what_the_network_gives(name: str) -> None:
    with seeded(0, "test"):
        if name == "maps":
            network, images = frozen(Maps(WIDTHS["wide"], 3)), torch.rand(4, 1, 4, 4)
        else:
            options = {"img_size": 16, "patch_size": 4, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 3}
            network, images = frozen(timm.models.VisionTransformer(**options)), torch.rand(4, 3, 16, 16)
    forward = compile_frozen(network, images, [frozenset(), EVERYTHING])
    with torch.no_grad(), torch.compiler.set_stance("fail_on_recompile"):
        for needs in (frozenset(), EVERYTHING):
            ours, theirs = forward(images, needs), network(images, needs)
            assert (ours.grids, ours.prefix, len(ours.hidden)) == (theirs.grids, theirs.prefix, len(theirs.hidden))
            for one, other in zip(tensors(ours), tensors(theirs), strict=True):
                assert torch.allclose(one, other, atol=1e-5)


def test_two_teachers_of_one_architecture_keep_their_own_weights() -> None:
    images = torch.rand(4, 1, 4, 4)
    for seed in (1, 2):
        with seeded(seed, "test"):
            network = frozen(Maps(WIDTHS["wide"], 3))
        forward = compile_frozen(network, images, [frozenset()])
        with torch.no_grad():
            assert torch.allclose(forward(images, frozenset()).logits, network(images).logits, atol=1e-5)


@pytest.mark.parametrize("name", ["fitnets", "scratch", "metadistil"])
def test_a_compiled_cell_learns_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = worker.train

    def strict(*arguments: Any, **options: Any) -> Any:
        # What is compiled while the clock runs would be paid as training time.
        with torch.compiler.set_stance("fail_on_recompile"):
            return original(*arguments, **options)

    monkeypatch.setattr(worker, "train", strict)
    shared = make_worker()
    plain, compiled = (shared.run(replace(cell(name, seed=6), compiled=flag)) for flag in (False, True))
    assert compiled.ok, compiled.reason
    assert compiled.key != plain.key
    assert compiled.cell.arithmetic == "float32, compiled"
    assert "--compile" in compiled.provenance.command
    assert compiled.curve.train_loss == pytest.approx(plain.curve.train_loss, rel=1e-4)
    assert compiled.cost.train_flops == plain.cost.train_flops
