"""Language models as methods see them: the states and projections of transformers, with its fused attention."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from language import FAMILIES, SIZES, model_folder
from torch import Tensor, nn
from torch.func import functional_call

from bench.engine.evaluate import logits_of
from bench.engine.observe import observed
from bench.engine.observe_language import ObservedLanguageModel
from bench.task import Pair
from methods.losses import scores, without_padding
from tasks.glue import MRPC
from tasks.networks.language import classifier, pretrained

HIDDEN, QKV = frozenset({"hidden"}), frozenset({"qkv"})
LENGTHS = torch.tensor([5, 9, 2, 9])


def network(folder: Path, family: str) -> nn.Module:
    torch.manual_seed(0)
    return classifier(pretrained(str(model_folder(folder / family, family))), 3).eval()


def inputs(padded: bool = True, padding: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    made = {"input_ids": torch.randint(4, SIZES["vocab_size"], (4, 9), generator=random)}
    if padded:
        made["attention_mask"] = torch.arange(9) < LENGTHS[:, None]
        made["input_ids"][~made["attention_mask"]] = padding
    return made


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("padded", [False, True])
def test_states_and_attention_are_those_of_transformers(tmp_path: Path, family: str, padded: bool) -> None:
    model = network(tmp_path, family)
    outputs = observed(model, "float32")(inputs(padded), HIDDEN | QKV)
    model.set_attn_implementation("eager")
    given = {name: each.long() for name, each in inputs(padded).items()}
    reference = model(**given, output_hidden_states=True, output_attentions=True)
    torch.testing.assert_close(outputs.logits, reference.logits)
    assert len(outputs.hidden) == len(reference.hidden_states) == 5
    real = inputs()["attention_mask"] if padded else torch.ones(4, 9, dtype=torch.bool)
    for ours, theirs in zip(outputs.hidden, reference.hidden_states, strict=True):
        torch.testing.assert_close(ours[real], theirs[real])
    assert len(outputs.attention) == len(reference.attentions) == 4
    for ours, theirs in zip(outputs.attention, reference.attentions, strict=True):
        probabilities = without_padding(scores(ours.queries, ours.keys), outputs.mask).softmax(dim=3)
        rows = real[:, None, :, None].expand_as(theirs)
        torch.testing.assert_close(probabilities[rows], theirs[rows])
        assert ours.values.shape == (4, 2, 9, 8)
    assert (outputs.mask is not None) == padded
    assert outputs.grids == (None,) * 5
    assert outputs.prefix == 0


def test_the_fused_attention_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fused, calls = nn.functional.scaled_dot_product_attention, []
    monkeypatch.setattr(
        nn.functional, "scaled_dot_product_attention", lambda *args, **named: calls.append(1) or fused(*args, **named)
    )
    observed(network(tmp_path, "bert"), "float32")(inputs(), HIDDEN | QKV)
    assert len(calls) == 4


def test_what_is_not_needed_is_not_there(tmp_path: Path) -> None:
    wrapped = observed(network(tmp_path, "bert"), "float32")
    assert isinstance(wrapped, ObservedLanguageModel)
    outputs = wrapped(inputs())
    assert outputs.hidden == outputs.attention == outputs.grids == ()
    assert wrapped(inputs(), HIDDEN).attention == ()
    assert wrapped(inputs(), QKV).hidden == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_further_changes_nothing_that_is_real(tmp_path: Path, family: str) -> None:
    model = network(tmp_path, family)
    wrapped, padding = observed(model, "float32"), model.config.pad_token_id
    given = inputs(padding=padding)
    real = given["attention_mask"]
    longer = {
        "input_ids": torch.cat((given["input_ids"], torch.full((4, 6), padding)), dim=1),
        "attention_mask": torch.cat((real, torch.zeros(4, 6, dtype=torch.bool)), dim=1),
    }
    ours, theirs = wrapped(given, HIDDEN | QKV), wrapped(longer, HIDDEN | QKV)
    torch.testing.assert_close(ours.logits, theirs.logits)
    for a, b in zip(ours.hidden, theirs.hidden, strict=True):
        torch.testing.assert_close(a[real], b[:, :9][real])
    pairs = (real[:, :, None] & real[:, None])[:, None].expand(4, 2, 9, 9)
    for a, b in zip(ours.attention, theirs.attention, strict=True):
        for relate in (lambda each: (each.queries, each.keys), lambda each: (each.values, each.values)):
            one, other = (
                without_padding(scores(*relate(each)), outputs.mask).softmax(dim=3)
                for each, outputs in ((a, ours), (b, theirs))
            )
            torch.testing.assert_close(one[pairs], other[:, :, :9, :9][pairs])


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_further_changes_no_metric(tmp_path: Path, family: str) -> None:
    task = MRPC().on(Pair(str(model_folder(tmp_path / "tiny", family)), "layers:2"))
    texts = ["the cat is", "a", "the big dog is small", "b c d e f g"] * 3
    examples = task.examples(texts, None, torch.tensor([0, 1, 1, 0] * 3))
    columns, padding = 12, {"input_ids": task.backbone("tiny").tokenizer.pad_token_id}
    longer = {
        name: torch.cat((each, torch.full((len(each), columns), padding.get(name, 0))), dim=1)
        for name, each in examples.inputs.items()
    }
    torch.manual_seed(0)
    model = observed(task.network("layers:2"), "float32")
    # Every text with all the columns there are, and in batches that have no more than they need.
    with torch.no_grad():
        mask = torch.arange(longer["input_ids"].shape[1]) < examples.lengths[:, None]
        whole = model.eval()({**longer, "attention_mask": mask}).logits
    found = logits_of(model, task, examples)
    torch.testing.assert_close(found, whole)
    assert task.score(found, examples.labels) == task.score(whole, examples.labels)


def test_a_copy_reports_to_itself_and_works_functionally(tmp_path: Path) -> None:
    wrapped = observed(network(tmp_path, "bert"), "float32")
    twin = copy.deepcopy(wrapped)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert not torch.equal(wrapped(inputs(), HIDDEN).hidden[1], twin(inputs(), HIDDEN).hidden[1])
    assert len(wrapped(inputs(), HIDDEN).hidden) == len(twin(inputs(), HIDDEN).hidden) == 5
    outputs = functional_call(twin, dict(wrapped.named_parameters()), (inputs(), HIDDEN | QKV))
    torch.testing.assert_close(outputs.logits, wrapped(inputs()).logits)
    assert len(outputs.hidden) == 5


def test_a_loss_is_differentiated_twice(tmp_path: Path) -> None:
    wrapped = observed(network(tmp_path, "bert"), "float32")
    weights = [each for each in wrapped.parameters() if each.requires_grad]
    outputs = wrapped(inputs(), frozenset({"second_order"}))
    first = torch.autograd.grad(outputs.logits.square().sum(), weights, create_graph=True, materialize_grads=True)
    second = torch.autograd.grad(sum(each.square().sum() for each in first), weights, allow_unused=True)
    assert any(each is not None and each.abs().sum() > 0 for each in second)


def test_a_forward_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    model = network(tmp_path, "bert")
    wrapped = observed(model, "float32")
    model.classifier.register_forward_pre_hook(lambda module, given: 1 / 0, prepend=True)
    with pytest.raises(ZeroDivisionError):
        wrapped(inputs(), HIDDEN)
    model.classifier._forward_pre_hooks.clear()
    assert len(wrapped(inputs(), HIDDEN).hidden) == 5
