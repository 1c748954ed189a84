"""Language models by name: whole, cut, fresh; what a student starts from, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
import torch
from language import FAMILIES, SIZES, model_folder
from torch import nn
from transformers import (
    AlbertConfig,
    AlbertModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertModel,
    CanineTokenizer,
    ModernBertConfig,
    ModernBertModel,
    T5Config,
    T5Model,
    XLNetConfig,
    XLNetModel,
)

from bench.engine.observe import observed
from bench.errors import TeacherError, UsageError
from bench.plan import example_outputs
from bench.task import Pair
from tasks.agreement import Agreement
from tasks.glue import MRPC
from tasks.networks.language import pretrained
from tasks.text import TextTask


def task_on(folder: Path, student: str = "layers:2") -> TextTask:
    return MRPC().on(Pair(str(folder), student))


def seeded(task: TextTask, name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return task.network(name)


def layers(network: nn.Module) -> nn.ModuleList:
    base = network.base_model
    return base.encoder.layer if hasattr(base, "encoder") else base.transformer.layer


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("student", "taken"), [("layers:2", [0, 1]), ("layers:2:spread", [0, 3]), ("layers:3:spread", [0, 2, 3])]
)
def test_students_start_from_layers_of_the_pretrained_teacher(
    tmp_path: Path, family: str, student: str, taken: list[int]
) -> None:
    task = task_on(model_folder(tmp_path / "tiny", family))
    teacher, made = seeded(task, "tiny"), seeded(task, student)
    assert len(layers(made)) == len(taken)
    assert all(same(layers(made)[new], layers(teacher)[old]) for new, old in enumerate(taken))
    assert same(made.base_model.embeddings, teacher.base_model.embeddings)
    assert made.config.num_labels == 2


def test_spread_layers_are_those_of_distilbert() -> None:
    from tasks.networks.language import Backbone, cut

    class Config:
        num_hidden_layers = 12

    weights = {f"encoder.layer.{number}.w": torch.tensor([number]) for number in range(12)}
    made = cut(Backbone(Config(), weights, None), "layers:6:spread").weights
    assert [int(made[f"encoder.layer.{number}.w"]) for number in range(6)] == [0, 2, 4, 7, 9, 11]


def test_layers_that_share_their_weights_cannot_be_chosen_from(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    AlbertModel(AlbertConfig(**SIZES, embedding_size=16)).save_pretrained(folder)
    task = task_on(folder)
    assert seeded(task, "layers:2").config.num_hidden_layers == 2
    with pytest.raises(UsageError, match="weights of albert do not say which layer they belong to"):
        task.network("layers:2:spread")
    outputs = example_outputs(task, "layers:2")
    assert (outputs.hidden, outputs.attention) == ((), ())


def test_what_a_configuration_says_of_every_layer_is_cut_with_them(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    sizes = {**SIZES, "intermediate_size": 32, "global_attn_every_n_layers": 3}
    ModernBertModel(ModernBertConfig(**sizes)).save_pretrained(folder)
    kinds = json.loads((folder / "config.json").read_text())["layer_types"]
    assert kinds == ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    task = task_on(folder)
    student = seeded(task, "layers:2:spread").eval()
    assert student.config.layer_types == [kinds[0], kinds[3]]
    task.save(student, tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = task.blank(2)
    assert torch.equal(again(**inputs).logits, student(**inputs).logits)


def test_what_is_no_network_is_told(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    for name in ("layers:3:foo", "layers:x", "layers:"):
        with pytest.raises(UsageError, match="expected layers:3, layers:3:spread or layers:3:random"):
            task.network(name)
    with pytest.raises(UsageError, match="this folder does not exist"):
        pretrained(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="cannot be loaded, from its folder: "):
        pretrained(str(tmp_path / "empty"))


def test_an_encoder_with_a_decoder_is_refused_by_that_name(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    T5Model(
        T5Config(vocab_size=SIZES["vocab_size"], d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    ).save_pretrained(folder)
    with pytest.raises(UsageError, match=r"is an encoder with a decoder \(t5\): expected an encoder"):
        task_on(folder).network("layers:1")


def test_a_teacher_that_only_has_the_same_shapes_is_refused(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    name = str(tmp_path / "tiny")
    same = model_folder(tmp_path / "same", seed=1, hidden_dropout_prob=0.3)
    said = json.loads((same / "config.json").read_text())
    (same / "config.json").write_text(json.dumps(said | {"output_attentions": True, "problem_type": "regression"}))
    task.check_teacher(name, same)
    (same / "tokenizer.json").unlink()
    (same / "tokenizer_config.json").unlink()
    task.check_teacher(name, same)
    heads = model_folder(tmp_path / "heads", num_attention_heads=4)
    with pytest.raises(TeacherError, match=r"has num_attention_heads 4, the network .*tiny' has 2"):
        task.check_teacher(name, heads)
    words = model_folder(tmp_path / "words")
    rules = json.loads((words / "tokenizer.json").read_text())
    vocabulary = rules["model"]["vocab"]
    vocabulary["cat"], vocabulary["dog"] = vocabulary["dog"], vocabulary["cat"]
    (words / "tokenizer.json").write_text(json.dumps(rules))
    with pytest.raises(TeacherError, match="has another vocabulary"):
        task.check_teacher(name, words)


def test_models_that_cannot_be_padded_as_here_say_so(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    config = XLNetConfig(vocab_size=SIZES["vocab_size"], d_model=16, n_layer=2, n_head=2, d_inner=32)
    XLNetModel(config).save_pretrained(folder)
    with pytest.raises(UsageError, match="network 'layers:1' does not work on glue/mrpc"):
        example_outputs(task_on(folder), "layers:1")
    saying = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(saying | {"padding_side": "left"}))
    pretrained.cache_clear()
    with pytest.raises(UsageError, match="is padded on the left: expected one that is padded on the right"):
        task_on(folder).network("layers:1")


def test_what_is_not_pretrained_is_a_function_of_the_seed(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    one, again, other = (seeded(task, "layers:2", seed) for seed in (0, 0, 1))
    assert same(one, again)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)
    assert same(one.base_model, other.base_model)
    random, other_random = (seeded(task, "layers:2:random", seed) for seed in (0, 1))
    assert len(layers(random)) == 2
    assert not torch.equal(layers(random)[0].output.dense.weight, layers(one)[0].output.dense.weight)
    assert not torch.equal(layers(random)[0].output.dense.weight, layers(other_random)[0].output.dense.weight)


def test_the_weights_that_a_student_starts_from_have_a_checksum(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    sums = [task.pretrained(name) for name in ("tiny", "layers:2", "layers:2:spread", "layers:3")]
    assert len(set(sums)) == 4
    assert all(len(each) == 64 for each in sums)
    random, deeper = task.pretrained("layers:2:random"), task.pretrained("layers:3:random")
    assert len({random, deeper, *sums}) == 6
    other = MRPC().on(Pair(str(model_folder(tmp_path / "other" / "tiny", seed=1)), "layers:2"))
    assert other.pretrained("layers:2") != sums[1]


def test_configuration_and_tokenizer_are_part_of_the_checksum(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "a" / "tiny")
    first = task_on(folder).pretrained("layers:2")
    same = shutil.copytree(folder, tmp_path / "b" / "tiny")
    assert task_on(same).pretrained("layers:2") == first
    config = json.loads((same / "config.json").read_text())
    (same / "config.json").write_text(json.dumps(config | {"hidden_dropout_prob": 0.3}))
    pretrained.cache_clear()
    assert task_on(same).pretrained("layers:2") != first
    assert task_on(same).pretrained("layers:2:random") != task_on(folder).pretrained("layers:2:random")


def test_use_does_not_change_the_checksum(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    task.examples(["the cat"], None, torch.tensor([0]))
    used = task.pretrained("tiny")
    pretrained.cache_clear()
    assert task_on(tmp_path / "tiny").pretrained("tiny") == used


def test_weights_stored_in_half_precision_are_trained_in_float32(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    BertModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    assert {each.dtype for each in task_on(folder).network("layers:2").parameters()} == {torch.float32}


def test_a_folder_is_known_by_its_name_on_every_machine(tmp_path: Path) -> None:
    task = MRPC()
    folder = model_folder(tmp_path / "tiny")
    assert task.resolve(str(folder)) == "tiny" == task.resolve("tiny")
    assert task.on(Pair(str(folder), "layers:1")) is task.on(Pair("tiny", "layers:2"))
    shutil.copytree(folder, tmp_path / "elsewhere" / "tiny")
    with pytest.raises(UsageError, match="two folders are named 'tiny'"):
        task.resolve(str(tmp_path / "elsewhere" / "tiny"))


def test_another_pretrained_student_needs_the_same_vocabulary(tmp_path: Path) -> None:
    first = model_folder(tmp_path / "first")
    second = model_folder(tmp_path / "second", seed=1, num_hidden_layers=1)
    task = MRPC()
    task.resolve(str(second))
    assert len(layers(task.on(Pair(str(first), "second")).network("second"))) == 1
    from tasks.networks.language import word_tokenizer

    third = model_folder(tmp_path / "third")
    word_tokenizer(("other", "words")).save_pretrained(third)
    task.resolve(str(third))
    with pytest.raises(UsageError, match="'third' and its teacher 'first' have different vocabularies"):
        task.on(Pair(str(first), "third")).network("third")


def test_texts_are_cut_to_what_the_teacher_takes(tmp_path: Path) -> None:
    # RoBERTa numbers positions from 2 on.
    for family, positions in (("bert", 40), ("roberta", 38), ("distilbert", 40)):
        task = task_on(model_folder(tmp_path / family, family))
        examples = task.examples(["cat " * 200], None, torch.tensor([0]))
        assert examples.lengths.tolist() == [positions]
        network = seeded(task, "layers:1").eval()
        assert network(**examples.inputs).logits.shape == (1, 2)


def test_a_student_that_takes_fewer_tokens_than_its_teacher_is_refused(tmp_path: Path) -> None:
    first = model_folder(tmp_path / "first")
    second = model_folder(tmp_path / "second", max_position_embeddings=20)
    task = MRPC()
    task.resolve(str(second))
    with pytest.raises(UsageError, match="'second' takes 20 tokens, its teacher 40"):
        task.on(Pair(str(first), "second")).network("second")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("layers:5", "the teacher has 4 layers, expected 1 to 4"),
        ("layers:0", "the teacher has 4 layers, expected 1 to 4"),
        ("bert_L2_H16_A2", "this task needs a pretrained model"),
    ],
)
def test_names_that_mean_nothing_here_are_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        task_on(model_folder(tmp_path / "tiny")).network(name)


def test_a_model_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The variable is read when the package is imported; without it, what does not answer is asked again and again.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="'no/such-model' cannot be loaded, neither a model that the hub gave nor"):
        MRPC().on(Pair("no/such-model", "layers:2")).network("no/such-model")


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(UsageError, match="has no tokenizer"):
        task_on(folder).network("tiny")


def test_a_tokenizer_with_more_tokens_than_the_network_is_refused(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["foo"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(UsageError, match=r"knows the tokens 0 to 20, its tokenizer has token 21: .*resize_token"):
        task_on(folder).network("layers:1")


def test_what_is_cut_from_a_teacher_is_no_teacher(tmp_path: Path) -> None:
    task = MRPC().on(Pair("layers:4", "layers:2"))
    for name in ("layers:4", "layers:2"):
        with pytest.raises(UsageError, match="'layers:4' is cut from a teacher: it can only be the student of a pair"):
            task.network(name)


def test_pairs_of_texts_as_roberta_reads_them(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny", "roberta"))
    examples = task.examples(["the cat", "a"], ["a dog is", "b"], torch.tensor([0, 1]))
    tokenizer = task.backbone("tiny").tokenizer
    assert list(examples.inputs) == ["input_ids"]
    assert [" ".join(tokenizer.convert_ids_to_tokens(row)) for row in examples.inputs["input_ids"]] == [
        "<s> the cat </s> </s> a dog is </s>",
        "<s> a </s> </s> b </s> <pad> <pad> <pad>",
    ]
    assert examples.lengths.tolist() == [9, 6]


def test_a_student_without_segments_learns_from_a_teacher_with_them(tmp_path: Path) -> None:
    teacher, student = model_folder(tmp_path / "teacher"), model_folder(tmp_path / "student", "distilbert")
    task = MRPC()
    task.resolve(str(student))
    task = task.on(Pair(str(teacher), "student"))
    examples = task.examples(["the cat"], ["a dog"], torch.tensor([0]))
    assert examples.inputs["token_type_ids"].max() == 1
    network = seeded(task, "student").eval()
    alone = {"input_ids": examples.inputs["input_ids"]}
    assert torch.equal(observed(network, "float32")(examples.inputs).logits, network(**alone).logits)


def test_cut_texts_are_counted_whatever_the_tokenizer_is_written_in(tmp_path: Path) -> None:
    task = task_on(model_folder(tmp_path / "tiny"))
    backbone = task.backbone("tiny")
    # CANINE's is written in Python, and its tokens are letters.
    for tokenizer, token in ((backbone.tokenizer, "a "), (CanineTokenizer(), "a")):
        task._cut = 0
        task.backbone = lambda name, tokenizer=tokenizer: replace(backbone, tokenizer=tokenizer)
        examples = task.examples([token * 38, token * 39, token], None, torch.tensor([0, 0, 0]))
        assert examples.lengths.tolist() == [40, 40, 3]
        assert task.note == "1 texts are longer than 40 tokens, and cut."


def test_fresh_networks_have_the_size_of_their_name() -> None:
    task = Agreement()
    network = task.on(task.pairs[0]).network("bert_L2_H64_A4")
    config = network.config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (2, 64, 4)
    assert config.vocab_size == 4 + len(task.lexicon)
    with pytest.raises(UsageError, match="width 63 is not a multiple of its 4 heads"):
        task.network("bert_L2_H63_A4")
