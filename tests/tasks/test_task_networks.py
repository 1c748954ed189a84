"""The networks have the parameters and maps of the published CIFAR-100 tables."""

import warnings

import pytest
import timm
import torch
from torch import nn

from bench.errors import UsageError
from tasks.networks import shufflenetv1
from tasks.networks.names import create, resolve

# 100 classes, 32x32: parameters, then the stem's and the stages' ends as channels x height.
PUBLISHED = {
    "resnet20": (278_324, "16x32 16x32 32x16 64x8"),
    "resnet32": (472_756, "16x32 16x32 32x16 64x8"),
    "resnet56": (861_620, "16x32 16x32 32x16 64x8"),
    "resnet110": (1_736_564, "16x32 16x32 32x16 64x8"),
    "resnet8x4": (1_233_540, "32x32 64x32 128x16 256x8"),
    "resnet32x4": (7_433_860, "32x32 64x32 128x16 256x8"),
    "resnet50": (23_705_252, "64x32 256x32 512x16 1024x8 2048x4"),
    "wrn_16_2": (703_284, "16x32 32x32 64x16 128x8"),
    "wrn_40_2": (2_255_156, "16x32 32x32 64x16 128x8"),
    "wrn_40_1": (569_780, "16x32 16x32 32x16 64x8"),
    "vgg8": (3_965_028, "64x32 128x16 256x8 512x4 512x4"),
    "vgg13": (9_462_180, "64x32 128x16 256x8 512x4 512x4"),
    "mobilenetv2": (812_836, "16x16 12x16 16x8 48x4 160x2"),
    "shufflenetv1": (949_258, "24x32 240x16 480x8 960x4"),
    "shufflenetv2": (1_355_528, "24x32 116x16 232x8 464x4"),
}
HEADS = {"mobilenetv2": 1280, "shufflenetv2": 1024}
TRANSFORMERS = {"cifar": ("cifar_vit_small", "cifar_vit_tiny"), "digits": ("digits_vit_small", "digits_vit_tiny")}
SMALL = ("digits_resnet8", "digits_resnet14", *TRANSFORMERS["digits"])


def cifar(name: str) -> nn.Module:
    return create("cifar_" + name, classes=100, channels=3, size=32)


def parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_cifar_networks_are_the_published_ones(name):
    torch.manual_seed(0)
    network = cifar(name).eval()
    count, shapes = PUBLISHED[name]
    assert parameters(network) == count

    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        last, maps = network.forward_intermediates(images)
        logits = network(images)
        assert torch.equal(network.forward_head(last), logits)
        assert torch.equal(network.forward_head(network.forward_features(images)), logits)
    assert " ".join(f"{each.shape[1]}x{each.shape[2]}" for each in maps) == shapes
    assert all(each.shape[2] == each.shape[3] for each in maps)
    assert last.shape[1] == HEADS.get(name, maps[-1].shape[1]) == network.num_features
    assert logits.shape == (2, 100)
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("name", ["resnet8x4", "wrn_16_2", "vgg8", "mobilenetv2", "shufflenetv1", "shufflenetv2"])
def test_every_parameter_of_a_cifar_network_gets_a_gradient(name):
    assert_all_trained(cifar(name), torch.randn(4, 3, 32, 32), classes=100)


def test_every_parameter_of_resnet50_gets_a_gradient():
    # Its stages do not depend on the size of the image: a small one is enough.
    assert_all_trained(cifar("resnet50"), torch.randn(4, 3, 16, 16), classes=100)


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_of_a_digits_network_gets_a_gradient(name):
    network = create(name, classes=10, channels=1, size=8)
    # The paper's initialisation has a classifier of zeros, through which no gradient passes at first.
    nn.init.normal_(network.get_classifier().weight if hasattr(network, "get_classifier") else network.fc.weight)
    assert_all_trained(network, torch.randn(8, 1, 8, 8), classes=10)


def assert_all_trained(network: nn.Module, images: torch.Tensor, classes: int) -> None:
    torch.manual_seed(0)
    labels = torch.arange(len(images)) % classes
    nn.functional.cross_entropy(network.train()(images), labels).backward()
    missing = [name for name, each in network.named_parameters() if each.grad is None or not each.grad.isfinite().all()]
    assert missing == []
    # What is followed by batch norm (vgg's biases) has a gradient of zero, up to rounding.
    idle = [name for name, each in network.named_parameters() if each.dim() > 1 and each.grad.abs().sum() == 0]
    assert idle == []


def test_wide_resnets_give_maps_before_their_activation():
    torch.manual_seed(0)
    network = cifar("wrn_16_2").eval()
    last, maps = network.forward_intermediates(torch.randn(2, 3, 32, 32))
    assert all(each.min() < 0 for each in maps)
    assert last.min() == 0


def test_shuffle_takes_a_channel_of_each_group_in_turn():
    channels = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert shufflenetv1.shuffle(channels, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


def test_digits_convolutional_pair_has_equal_widths_and_a_deeper_teacher():
    teacher, student = (create(f"digits_{name}", 10, 1, 8).eval() for name in ("resnet14", "resnet8"))
    images = torch.randn(2, 1, 8, 8)
    shapes = [[each.shape for each in network.forward_intermediates(images)[1]] for network in (teacher, student)]
    assert shapes[0] == shapes[1]
    assert parameters(teacher) > 1.5 * parameters(student)


@pytest.mark.parametrize(("family", "size", "channels"), [("cifar", 32, 3), ("digits", 8, 1)])
def test_transformer_pairs_suit_the_transformer_methods(family, size, channels):
    teacher, student = (create(name, 10, channels, size).eval() for name in TRANSFORMERS[family])
    assert parameters(teacher) > 2 * parameters(student)
    assert len(teacher.blocks) % len(student.blocks) == 0
    assert {block.attn.num_heads for block in (*teacher.blocks, *student.blocks)} == {4}
    assert teacher.patch_embed.grid_size == student.patch_embed.grid_size
    assert teacher.num_prefix_tokens == student.num_prefix_tokens == 1
    # Otherwise minilm would need an assistant (Wang et al., NeurIPS 2020, section 3.3).
    assert 2 * student.embed_dim > teacher.embed_dim
    images = torch.randn(2, channels, size, size)
    assert student(images).shape == (2, 10)
    assert torch.equal(student.train()(images), student.eval()(images)), "something is random in training"


def test_transformer_refuses_images_of_another_size():
    with pytest.raises(AssertionError, match="doesn't match model"):
        create("cifar_vit_tiny", 10, 3, 32)(torch.randn(1, 3, 64, 64))


def test_same_seed_gives_the_same_weights():
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(create("digits_vit_tiny", 10, 1, 8).parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_short_names_come_first_and_timm_names_pass():
    assert resolve("resnet50", "cifar_") == "cifar_resnet50"
    assert resolve("cifar_resnet50", "cifar_") == "cifar_resnet50"
    assert resolve("resnet18", "cifar_") == "resnet18"


def test_unknown_network_gives_the_nearest_names():
    with pytest.raises(UsageError, match=r"unknown network 'resnet57'.*did you mean.*resnet56"):
        resolve("resnet57", "cifar_")


def test_networks_of_timm_take_the_size_of_the_task():
    convolutional = create("resnet10t", classes=7, channels=1, size=32).eval()
    assert convolutional(torch.zeros(1, 1, 32, 32)).shape == (1, 7)
    transformer = create("vit_tiny_patch16_224", classes=7, channels=3, size=32).eval()
    assert transformer.patch_embed.grid_size == (2, 2)


def test_there_are_no_pretrained_weights():
    with pytest.raises(ValueError, match="no pretrained weights for 'cifar_resnet20'"):
        timm.create_model("cifar_resnet20", pretrained=True)


def test_names_do_not_overwrite_those_of_timm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vgg13 = timm.create_model("vgg13", num_classes=10)
    assert type(vgg13).__module__.startswith("timm.")


def test_resnet_depths_are_checked():
    from tasks.networks.resnet import NARROW, resnet
    from tasks.networks.wide_resnet import wide_resnet

    with pytest.raises(ValueError, match="depth 21 is not of the form 6n"):
        resnet(21, NARROW, 10, 3)
    with pytest.raises(ValueError, match="depth 20 is not of the form 6n"):
        wide_resnet(20, 1, 10, 3)
