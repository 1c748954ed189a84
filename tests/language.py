"""Small models in the Hugging Face layout: whole folders with configuration, weights and tokenizer."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from tasks.networks.language import SPECIAL, word_tokenizer

WORDS = ("a", "b", "c", "d", "e", "f", "g", "h", "the", "cat", "dog", "is", "are", "big", "small", ".", ",")
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": len(SPECIAL) + len(WORDS),
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
FAMILIES = {
    "bert": (BertModel, BertConfig, {}),
    "roberta": (RobertaModel, RobertaConfig, {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}),
    "electra": (ElectraModel, ElectraConfig, {"embedding_size": 16}),
    "distilbert": (
        DistilBertModel,
        DistilBertConfig,
        {"dim": 16, "n_layers": 4, "n_heads": 2, "hidden_dim": 32},
    ),
}


def model_folder(folder: Path, family: str = "bert", seed: int = 0, **changes: Any) -> Path:
    """A folder with a small encoder of random weights and a tokenizer of WORDS."""
    model, config, own = FAMILIES[family]
    torch.manual_seed(seed)
    sizes = {name: value for name, value in SIZES.items() if not (family == "distilbert" and name in DISTILBERT_LACKS)}
    network = model(config(**{**sizes, **own, **changes}))
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn_like(weight)
    network.save_pretrained(folder)
    tokenizer = roberta_tokenizer() if family == "roberta" else copy.deepcopy(word_tokenizer(WORDS))
    if family == "distilbert":  # which knows no segments
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)
    return folder


def roberta_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of WORDS with RoBERTa's special tokens: 1 is padding, texts have no segments and two ends between."""
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    words = {word: number for number, word in enumerate(WORDS, start=len(special))}
    tokenizer = Tokenizer(WordLevel(special | words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=["input_ids", "attention_mask"],
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        cls_token="<s>",
        unk_token="<unk>",
    )


DISTILBERT_LACKS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
