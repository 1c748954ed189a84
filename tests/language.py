"""Small models in the Hugging Face layout: whole folders with configuration, weights and tokenizer."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
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
    "roberta": (RobertaModel, RobertaConfig, {}),
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
    tokenizer = copy.deepcopy(word_tokenizer(WORDS))
    if family in ("roberta", "distilbert"):  # which know no segments
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)
    return folder


DISTILBERT_LACKS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
