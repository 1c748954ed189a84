"""Language models of transformers as methods see them; hooks at layers and projections keep the fused attention."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from bench.engine.observed import NOTHING, Observed
from bench.method import Attention, Outputs


@dataclass(frozen=True)
class Family:
    """Where a family of models has its parts: the layers in the base model, the rest in a layer."""

    layers: str
    queries: str
    keys: str
    values: str


BERT = Family("encoder.layer", *(f"attention.self.{name}" for name in ("query", "key", "value")))
DISTILBERT = Family("transformer.layer", *(f"attention.{name}_lin" for name in "qkv"))
FAMILIES = {
    "bert": BERT,
    "camembert": BERT,
    "electra": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "distilbert": DISTILBERT,
}
"""By `config.model_type`. Models of other families give their logits alone."""


class ObservedLanguageModel(Observed):
    """A sequence classifier of transformers. Its inputs are a dict: token ids and, where there is padding, a mask."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__(network, precision)
        # Tokens are those of the teacher, whose family may number segments where the student's knows none.
        self._segments = "token_type_ids" in inspect.signature(network.forward).parameters
        self._watch(NOTHING)
        family = FAMILIES.get(network.config.model_type)
        if family is None:
            return
        layers = network.base_model.get_submodule(family.layers)
        layers[0].register_forward_pre_hook(self._see_embedding, with_kwargs=True)
        for layer in layers:
            layer.register_forward_hook(self._see_layer)
            for name in Attention._fields:
                # Bound, not a closure: a deep copy of the network must report to itself.
                layer.get_submodule(getattr(family, name)).register_forward_hook(partial(self._see_projection, name))

    @staticmethod
    def fits(network: nn.Module) -> bool:
        """Whether the network is a model of transformers."""
        return hasattr(network, "base_model") and hasattr(getattr(network, "config", None), "model_type")

    def observe(self, inputs: dict[str, Tensor], needs: frozenset[str]) -> Outputs:
        self._watch(needs)
        taken = inputs if self._segments else {name: each for name, each in inputs.items() if name != "token_type_ids"}
        logits = self.network(**taken).logits.float()
        hidden, layers = tuple(self._hidden), zip(*self._projections.values(), strict=True)
        self._watch(NOTHING)
        return Outputs(
            logits=logits,
            hidden=hidden,
            grids=(None,) * len(hidden),
            mask=inputs.get("attention_mask"),
            attention=tuple(Attention(*layer) for layer in layers),
        )

    def _watch(self, needs: frozenset[str]) -> None:
        """Forgets what was seen, and sees what is needed from here on."""
        self._needs = needs
        self._hidden: list[Tensor] = []
        self._projections: dict[str, list[Tensor]] = {name: [] for name in Attention._fields}

    def _see_embedding(self, layer: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Any]) -> None:
        if "hidden" in self._needs:
            self._hidden.append((inputs[0] if inputs else named["hidden_states"]).float())

    def _see_layer(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if "hidden" in self._needs:
            self._hidden.append((output if isinstance(output, Tensor) else output[0]).float())

    def _see_projection(self, name: str, projection: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if "qkv" in self._needs:
            heads = self.network.config.num_attention_heads
            self._projections[name].append(output.unflatten(2, (heads, -1)).transpose(1, 2).float())
