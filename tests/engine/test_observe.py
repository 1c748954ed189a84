"""Observed networks: what methods see is what the network computes, and no more than was asked for."""

from __future__ import annotations

import copy

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.func import functional_call
from toy import WIDTHS, Maps

from bench.engine.observe import observed
from bench.engine.observe_images import ObservedMaps, ObservedVisionTransformer
from bench.engine.observed import Observed
from bench.errors import UsageError
from bench.plan import example_outputs, why_not
from methods.minilm import MiniLM
from methods.sp import SimilarityPreserving
from tasks.cifar100 import Cifar100

HIDDEN, QKV = frozenset({"hidden"}), frozenset({"qkv"})


def vit(prefix: bool = True, qk_norm: bool = False) -> VisionTransformer:
    torch.manual_seed(0)
    network = VisionTransformer(
        img_size=8,
        patch_size=4,
        in_chans=1,
        num_classes=3,
        embed_dim=12,
        depth=3,
        num_heads=2,
        qk_norm=qk_norm,
        class_token=prefix,
        global_pool="token" if prefix else "avg",
    )
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.3 * torch.randn_like(weight)
    return network


def maps() -> Maps:
    torch.manual_seed(0)
    return Maps(WIDTHS["deep"], 3)


def images(count: int = 5, size: int = 8) -> Tensor:
    return torch.randn(count, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("build", [maps, vit])
@pytest.mark.parametrize("needs", [set(), {"hidden"}, {"qkv"}, {"hidden", "qkv", "second_order"}])
def test_logits_are_those_of_the_plain_network(build, needs: set[str]) -> None:
    network = build().eval()
    logits = observed(network, "float32")(images(), frozenset(needs)).logits
    torch.testing.assert_close(logits, network(images()))


@pytest.mark.parametrize("build", [maps, vit])
def test_what_is_not_needed_is_not_there(build) -> None:
    outputs = observed(build(), "float32")(images())
    assert outputs.hidden == outputs.grids == outputs.attention == ()
    assert observed(build(), "float32")(images(), HIDDEN).attention == ()
    assert observed(build(), "float32")(images(), QKV).hidden == ()


def test_maps_are_asked_for_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    asked: list[int] = []
    network.forward_intermediates = lambda x: asked.append(1) or (x, [x])
    network.forward_head = lambda x: x.mean(dim=(2, 3))
    wrapped = observed(network, "float32")
    wrapped(images())
    assert not asked
    wrapped(images(), HIDDEN)
    assert asked == [1]


def test_hidden_states_of_a_convolutional_network_are_its_maps() -> None:
    network = maps().eval()
    wrapped = observed(network, "float32")
    assert type(wrapped) is ObservedMaps
    outputs = wrapped(images(), HIDDEN)
    x = images()
    for stage, hidden, grid in zip(network.stages, outputs.hidden, outputs.grids, strict=True):
        x = stage(x)
        assert grid == tuple(x.shape[2:])
        for row, column in ((0, 3), (3, 2)):
            torch.testing.assert_close(hidden[:, row * grid[1] + column], x[:, :, row, column])
    assert outputs.grids == ((8, 8), (8, 8), (8, 8), (4, 4))


@pytest.mark.parametrize("prefix", [True, False])
def test_hidden_states_of_a_vision_transformer_are_the_ends_of_its_blocks(prefix: bool) -> None:
    network = vit(prefix).eval()
    wrapped = observed(network, "float32")
    assert type(wrapped) is ObservedVisionTransformer
    outputs = wrapped(images(), HIDDEN)
    x = network.norm_pre(network.patch_drop(network._pos_embed(network.patch_embed(images()))))
    torch.testing.assert_close(outputs.hidden[0], x)
    for block, hidden in zip(network.blocks, outputs.hidden[1:], strict=True):
        x = block(x)
        torch.testing.assert_close(hidden, x)
    assert outputs.grids == ((2, 2),) * 4
    assert outputs.prefix == int(prefix)
    assert outputs.hidden[0].shape[1] == int(prefix) + 4


@pytest.mark.parametrize("qk_norm", [False, True])
def test_queries_and_keys_give_the_attention_of_the_network(qk_norm: bool) -> None:
    network = vit(qk_norm=qk_norm).eval()
    expected: list[Tensor] = []
    for block in network.blocks:
        block.attn.fused_attn = False
        # timm's own probabilities pass through this dropout, which is off.
        block.attn.attn_drop.register_forward_hook(lambda module, inputs, output: expected.append(inputs[0]))
    network(images())
    probabilities = expected.copy()
    for block in network.blocks:
        block.attn.fused_attn = True
    outputs = observed(network, "float32")(images(), QKV)
    assert len(outputs.attention) == 3
    for layer, eager in zip(outputs.attention, probabilities, strict=True):
        assert layer.queries.shape == (5, 2, 5, 6)
        ours = (layer.queries @ layer.keys.transpose(2, 3) / 6**0.5).softmax(dim=3)
        torch.testing.assert_close(ours, eager)
        assert eager.std() > 0.01


def test_values_give_the_output_of_the_attention() -> None:
    network = vit().eval()
    attended: list[Tensor] = []
    network.blocks[1].attn.proj.register_forward_hook(lambda module, inputs, output: attended.append(inputs[0]))
    layer = observed(network, "float32")(images(), QKV).attention[1]
    mixed = (layer.queries @ layer.keys.transpose(2, 3) / 6**0.5).softmax(dim=3) @ layer.values
    torch.testing.assert_close(mixed.transpose(1, 2).flatten(2), attended[0])


def second_derivative(needs: frozenset[str]) -> Tensor:
    wrapped = observed(vit(), "float32").train()
    weight = wrapped.network.blocks[0].attn.qkv.weight
    (first,) = torch.autograd.grad(wrapped(images(), needs).logits.square().sum(), weight, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), weight)
    return second


def test_only_the_kernels_of_second_order_can_be_differentiated_twice() -> None:
    assert second_derivative(frozenset({"second_order"})).abs().max() > 0
    with pytest.raises(RuntimeError, match=r"derivative for .*attention.* is not implemented"):
        second_derivative(frozenset())


@pytest.mark.parametrize("build", [maps, vit])
def test_other_weights_can_be_lent_for_one_call(build) -> None:
    wrapped = observed(build().eval(), "float32")
    lent = {name: 1.5 * each.detach() for name, each in wrapped.named_parameters()}
    outputs = functional_call(wrapped, lent, (images(), HIDDEN))
    other = copy.deepcopy(wrapped)
    other.load_state_dict(lent, strict=False)
    expected = other(images(), HIDDEN)
    torch.testing.assert_close(outputs.logits, expected.logits)
    for ours, theirs in zip(outputs.hidden, expected.hidden, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not torch.allclose(outputs.logits, wrapped(images()).logits)


def test_a_copy_is_seen_by_its_own_observer() -> None:
    original = observed(vit(), "float32").eval()
    twin = copy.deepcopy(original)
    with torch.no_grad():
        for weight in twin.parameters():
            weight *= 2
    fresh = ObservedVisionTransformer(vit(), "float32").eval()
    fresh.load_state_dict(twin.state_dict())
    ours, expected = (each(images(), HIDDEN | QKV) for each in (twin, fresh))
    assert len(ours.hidden) == 4
    assert len(ours.attention) == 3
    for layer, other in zip(ours.attention, expected.attention, strict=True):
        torch.testing.assert_close(layer.queries, other.queries)
    assert original(images(), HIDDEN).attention == ()


@pytest.mark.parametrize("build", [maps, vit])
def test_outputs_of_bfloat16_are_float32(build) -> None:
    outputs = observed(build(), "bfloat16")(images(), HIDDEN | QKV)
    tensors = [outputs.logits, *outputs.hidden, *(part for layer in outputs.attention for part in layer)]
    assert {each.dtype for each in tensors} == {torch.float32}
    exact = observed(build(), "float32")(images()).logits
    assert not torch.equal(outputs.logits, exact)
    assert (outputs.logits - exact).abs().max() < 0.1 * exact.abs().max()


def test_a_network_without_maps_gives_logits_and_a_reason() -> None:
    wrapped = observed(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), "float32")
    assert type(wrapped) is Observed
    outputs = wrapped(images(), HIDDEN | QKV)
    assert outputs.logits.shape == (5, 3)
    reason = why_not(SimilarityPreserving(), outputs, outputs)
    assert reason == "sp needs hidden states, which the teacher and the student cannot give"


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("resnet18", 5),
        ("convnext_atto", 5),
        ("mobilenetv2_050", 6),
        ("regnety_002", 5),
        ("vit_tiny_patch16_224", 13),
    ],
)
def test_networks_of_timm_give_their_stages(name: str, stages: int) -> None:
    outputs = example_outputs(Cifar100(), name)
    assert outputs.logits.shape == (2, 100)
    assert len(outputs.hidden) == stages
    for hidden, (height, width) in zip(outputs.hidden, outputs.grids, strict=True):
        assert hidden.shape[:2] == (2, outputs.prefix + height * width)


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "xcit_nano_12_p16_224"])
def test_networks_without_a_map_of_the_stem_give_no_hidden_states(name: str) -> None:
    outputs = example_outputs(Cifar100(), name)
    assert outputs.logits.shape == (2, 100)
    assert outputs.hidden == outputs.grids == ()
    assert "cannot give" in why_not(SimilarityPreserving(), outputs, outputs)


def test_the_stem_is_what_stands_before_the_first_stage() -> None:
    network = Cifar100().network("convnext_atto").eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        stem, *stages = observed(network, "float32").eval()(images, frozenset({"hidden"})).hidden
        expected = network.stem(images)
        first = network.stages[0](expected)
    assert torch.equal(stem, expected.flatten(2).transpose(1, 2))
    assert torch.allclose(stages[0], first.flatten(2).transpose(1, 2), atol=1e-6)


def test_attention_that_is_more_than_its_projections_is_not_shown() -> None:
    plain = example_outputs(Cifar100(), "vit_tiny_patch16_224")
    turned = example_outputs(Cifar100(), "vit_small_patch16_rope_224")
    assert len(plain.attention) == 12
    assert len(turned.hidden) == 13
    assert why_not(MiniLM(), plain, turned) == "minilm needs queries, keys and values, which the teacher cannot give"


def test_a_network_that_cannot_take_the_images_is_named() -> None:
    with pytest.raises(UsageError, match="network 'crossvit_tiny_240' does not work on cifar100"):
        example_outputs(Cifar100(), "crossvit_tiny_240")
