"""Language models by name: any encoder of transformers as a sequence classifier, whole or cut to fewer layers.

Names of networks:
- `bert_L4_H128_A4`: a BERT of 4 layers, width 128 and 4 heads with fresh weights, on tasks that bring a lexicon
- a folder in the Hugging Face layout, or the name of a model on its hub: the pretrained encoder with a fresh head
- `layers:3`: the first 3 layers of the pair's teacher, as it is before it learns the task;
  `layers:3:spread` takes them at equal distances, the last included; `layers:3:random` takes the shape alone
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from bench.errors import TeacherError, UsageError

FRESH = re.compile(r"bert_L(\d+)_H(\d+)_A(\d+)$")
CUT = re.compile(r"layers:(\d+)(?::(spread|random))?$")
LAYER = re.compile(r"^(.*\blayers?)\.(\d+)\.(.*)$")
"""The name of a weight that belongs to a layer: what stands before its number, the number, the rest."""
COUNT_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
UNLIMITED = 1 << 30
SAYS_NOTHING = (
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "architectures",
    "id2label",
    "label2id",
)
"""Entries of a configuration that change with the place, the library or the task, not with the network."""
ONLY_IN_TRAINING = ("dropout", "initializer", "gradient_checkpointing", "use_cache")
"""Parts of the names of entries that do not change what a trained encoder computes."""
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
"""The files of which a tokenizer has one or more."""
PER_LAYER = ("layer_types", "attention_window")
"""Entries of a configuration that say something of every layer."""
NO_CODE = {"trust_remote_code": False}
"""Left out, transformers would ask whether to run the Python that a folder brings."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@dataclass(frozen=True)
class Backbone:
    """An encoder before it learns a task."""

    config: Any
    weights: dict[str, Tensor]
    """Of the base model; empty if it starts from fresh ones."""
    tokenizer: Any

    @property
    def positions(self) -> int:
        """How many tokens an input can have."""
        # These families number the positions from the padding token's number on.
        offset = self.config.pad_token_id + 1 if self.config.model_type in COUNT_FROM_PADDING else 0
        return getattr(self.config, "max_position_embeddings", UNLIMITED) - offset

    named: bool = False
    """Whether its name says all of it: a fresh network of a task's own lexicon."""

    @cached_property
    def sha256(self) -> str | None:
        """Of configuration, tokenizer and weights; None where the name says it all."""
        if self.named:
            return None
        digest = hashlib.sha256()
        told = {key: value for key, value in self.config.to_dict().items() if key not in SAYS_NOTHING}
        digest.update(json.dumps(told, sort_keys=True, default=str).encode())
        digest.update(json.dumps(self.tokenizer.get_vocab(), sort_keys=True).encode())
        if self.tokenizer.is_fast:
            rules = json.loads(self.tokenizer.backend_tokenizer.to_str())
            # Every use sets these anew.
            rules.update(truncation=None, padding=None)
            digest.update(json.dumps(rules, sort_keys=True).encode())
        for name in sorted(self.weights):
            digest.update(name.encode())
            digest.update(self.weights[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


@lru_cache(maxsize=4)
def pretrained(location: str) -> Backbone:
    """The encoder of a folder or of the hub; one that cannot be had or has no tokenizer raises UsageError."""
    disable_progress_bar()  # of the weights, which load in a moment
    if location.startswith(("/", "./", "../", "~")) and not Path(location).is_dir():
        raise UsageError(f"network {location!r}: this folder does not exist")
    try:
        config = AutoConfig.from_pretrained(location, **NO_CODE)
        if getattr(config, "is_encoder_decoder", False):
            raise UsageError(
                f"network {location!r} is an encoder with a decoder ({config.model_type}): expected an encoder"
            )
        model, loading = AutoModel.from_pretrained(location, output_loading_info=True, dtype=torch.float32, **NO_CODE)
    except UsageError:
        raise
    except UnpicklingError as error:
        raise UsageError(
            f"network {location!r}: its weights are a pickle that holds more than tensors, which could run code and is "
            "not read: expected model.safetensors"
        ) from error
    except Exception as error:  # whatever transformers and safetensors object to in damaged files
        what = (
            "from its folder"
            if Path(location).is_dir()
            else "neither a model that the hub gave nor a folder here (if it is one elsewhere, give its path)"
        )
        raise UsageError(f"network {location!r} cannot be loaded, {what}: {first_line(error)}") from error
    absent = set(loading["missing_keys"])
    weights = {name: tensor for name, tensor in model.state_dict().items() if name not in absent}
    tokenizer = tokenizer_of(location)
    highest, known = max(tokenizer.get_vocab().values()), getattr(config, "vocab_size", None)
    if known is not None and highest >= known:
        raise UsageError(
            f"network {location!r} knows the tokens 0 to {known - 1}, its tokenizer has token {highest}: after adding "
            "tokens, model.resize_token_embeddings(len(tokenizer)) makes room for them"
        )
    return Backbone(config, weights, tokenizer)


def check_same(folder: Path, name: str, backbone: Backbone) -> None:
    """Raises TeacherError if a folder's configuration or tokenizer is of another network than this backbone.

    Weights of the same shapes compute something else under another number of heads, another activation, other tokens.
    """
    if not (folder / "config.json").is_file():
        return
    try:
        theirs = AutoConfig.from_pretrained(folder, **NO_CODE).to_dict()
    except Exception as error:
        raise TeacherError(f"teacher folder {folder}: its configuration cannot be read: {first_line(error)}") from error
    ours = backbone.config.to_dict()
    # What configurations of every family have is how a model is called, and what it gives back.
    common = PretrainedConfig().to_dict().keys() - {"model_type"}
    for key in sorted((ours.keys() & theirs.keys()) - common):
        if ours[key] != theirs[key] and not any(part in key for part in ONLY_IN_TRAINING):
            raise TeacherError(
                f"teacher folder {folder} has {key} {theirs[key]!r}, the network {name!r} has {ours[key]!r}: name the "
                "folder itself as the pair's teacher, or the network that it was made from"
            )
    if any((folder / file).is_file() for file in VOCABULARIES):
        tokens = tokenizer_of(str(folder)).get_vocab()
        if tokens != backbone.tokenizer.get_vocab():
            raise TeacherError(
                f"teacher folder {folder} has another vocabulary ({len(tokens):,} tokens) than the network {name!r} "
                f"({len(backbone.tokenizer.get_vocab()):,}): it has learnt other numbers for the same words"
            )


def tokenizer_of(location: str) -> Any:
    """The tokenizer of a folder or of the hub; UsageError if there is none."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, **NO_CODE)
    except Exception as error:
        raise UsageError(f"network {location!r} has no tokenizer that can be read: {first_line(error)}") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        raise UsageError(f"network {location!r} has no tokenizer: expected tokenizer.json or a vocabulary beside it")
    if tokenizer.padding_side != "right":
        raise UsageError(
            f"network {location!r} is padded on the {tokenizer.padding_side}: expected one that is padded on the "
            "right, as the BERT family is"
        )
    return tokenizer


def fresh(name: str, lexicon: tuple[str, ...] | None) -> Backbone:
    """The BERT that a name like `bert_L4_H128_A4` describes, its tokens the words of the lexicon."""
    layers, width, heads = map(int, FRESH.match(name).groups())
    if lexicon is None:
        raise UsageError(f"network {name!r} has fresh weights and no tokenizer: this task needs a pretrained model")
    if width % heads:
        raise UsageError(f"network {name!r}: its width {width} is not a multiple of its {heads} heads")
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(lexicon),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=64,
    )
    return Backbone(config, {}, word_tokenizer(lexicon), named=True)


@lru_cache
def word_tokenizer(lexicon: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the words of a lexicon, with [CLS] before and [SEP] after."""
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *lexicon))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def cut(teacher: Backbone, name: str) -> Backbone:
    """The student that `layers:3`, `layers:3:spread` or `layers:3:random` makes of the teacher's backbone."""
    match = CUT.match(name)
    count, how = int(match[1]), match[2]
    depth = teacher.config.num_hidden_layers
    if not 1 <= count <= depth:
        raise UsageError(f"network {name!r}: the teacher has {depth} layers, expected 1 to {depth}")
    chosen = list(range(count))
    if how == "spread":
        if not any(map(LAYER.match, teacher.weights)):
            raise UsageError(
                f"network {name!r}: the weights of {teacher.config.model_type} do not say which layer they belong to "
                f"in a way that is known here; layers:{count} takes the first ones"
            )
        chosen = [round(number * (depth - 1) / (count - 1)) for number in range(count)] if count > 1 else [depth - 1]
    config = copy.deepcopy(teacher.config)
    config.num_hidden_layers = count
    for key in PER_LAYER:
        kinds = getattr(config, key, None)
        if isinstance(kinds, list) and len(kinds) == depth:
            setattr(config, key, [kinds[layer] for layer in chosen])
    if how == "random" or not teacher.weights:
        return Backbone(config, {}, teacher.tokenizer, teacher.named)
    place = {str(old): str(new) for new, old in enumerate(chosen)}
    weights = {}
    for key, tensor in teacher.weights.items():
        layer = LAYER.match(key)
        if layer is None:
            weights[key] = tensor
        elif layer[2] in place:
            weights[f"{layer[1]}.{place[layer[2]]}.{layer[3]}"] = tensor
    return Backbone(config, weights, teacher.tokenizer)


def classifier(backbone: Backbone, classes: int, names: tuple[str, ...] = ()) -> nn.Module:
    """The encoder with a head of `classes` logits; what has no pretrained weights is drawn from torch's generator.

    names: of the classes, for the configuration; empty if they have none.
    """
    config = copy.deepcopy(backbone.config)
    config.dtype = torch.float32  # whatever the weights were stored as
    config.num_labels = classes
    if classes == 1:
        # Else the pipelines of transformers put a single logit through a sigmoid.
        config.problem_type = "regression"
    if names:
        config.id2label = dict(enumerate(names))
        config.label2id = {name: number for number, name in enumerate(names)}
    network = AutoModelForSequenceClassification.from_config(config, **NO_CODE)
    if backbone.weights:
        own = network.base_model.state_dict()
        fitting = {name: tensor for name, tensor in backbone.weights.items() if name in own}
        lacking = [name for name in own if name not in fitting and LAYER.match(name)]
        if lacking:
            raise UsageError(f"a network of {config.model_type}: no pretrained weights for {', '.join(lacking[:3])} …")
        network.base_model.load_state_dict(fitting, strict=False)
    return network


def first_line(error: Exception) -> str:
    """What an error says first."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
