"""Image networks of timm as methods see them: maps of convolutional networks, blocks of vision transformers."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from torch import Tensor, nn

from bench.engine.observed import NOTHING, Observed
from bench.method import Attention, Outputs

FIRST_STAGE = re.compile(r"(stages|layers|blocks)\.0$")
"""How timm names the place of the first map in families whose maps begin after the first stage."""
STEMS = ("stem", "bn1", "patch_embed")
"""How these families name the module whose output is the stem's."""


class ObservedMaps(Observed):
    """An image network that gives its maps in timm's way (`forward_intermediates`, `forward_head`).

    Some families of timm give their stages without the stem; theirs is seen by a hook. Where that gives no map
    like those of the stages, the network gives no hidden states: `hidden[0]` must be the stem for every method.
    """

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__(network, precision)
        self._watches = False
        self._stem: Any = None
        information = getattr(network, "feature_info", None)
        self._lacks_stem = bool(information) and bool(FIRST_STAGE.search(information[0]["module"]))
        stem = next((getattr(network, name) for name in STEMS if hasattr(network, name)), None)
        if self._lacks_stem and stem is not None:
            stem.register_forward_hook(self._see_stem)

    def _see_stem(self, stem: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        if self._watches:
            self._stem = output

    def observe(self, inputs: Tensor, needs: frozenset[str]) -> Outputs:
        if "hidden" not in needs:
            return super().observe(inputs, needs)
        self._watches = self._lacks_stem
        last, maps = self.network.forward_intermediates(inputs)
        if self._lacks_stem:
            stem, self._stem, self._watches = self._stem, None, False
            alike = isinstance(stem, Tensor) and stem.shape[2:] == maps[0].shape[2:]
            maps = [stem, *maps] if alike else []
        return Outputs(
            logits=self.network.forward_head(last).float(),
            # In channels_last, (B, D, H, W) → (B, H·W, D) is a view.
            hidden=tuple(each.flatten(2).transpose(1, 2).float() for each in maps),
            grids=tuple((each.shape[2], each.shape[3]) for each in maps),
        )


class ObservedVisionTransformer(Observed):
    """A timm vision transformer; hooks at its blocks and projections keep its fused attention."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__(network, precision)
        self._hidden: list[Tensor] = []
        self._attention: list[Attention] = []
        self._needs = NOTHING
        network.blocks[0].register_forward_pre_hook(self._see_embedding)
        plain = getattr(network, "rope", None) is None and all(is_plain(block.attn) for block in network.blocks)
        for block in network.blocks:
            block.register_forward_hook(self._see_block)
            if plain:
                # Bound, not a closure: a deep copy of the network must report to itself.
                block.attn.qkv.register_forward_hook(partial(self._see_projection, block.attn))

    @staticmethod
    def fits(network: nn.Module) -> bool:
        """Whether the network is a stack of attention blocks over one grid and its prefix tokens."""
        blocks = getattr(network, "blocks", ())
        return (
            len(blocks) > 0
            and all(hasattr(block, "attn") for block in blocks)
            and hasattr(network, "num_prefix_tokens")
            and hasattr(getattr(network, "patch_embed", None), "grid_size")
        )

    def observe(self, inputs: Tensor, needs: frozenset[str]) -> Outputs:
        self._needs, self._hidden, self._attention = needs, [], []
        logits = self.network(inputs).float()
        hidden, attention = tuple(self._hidden), tuple(self._attention)
        self._needs, self._hidden, self._attention = NOTHING, [], []
        return Outputs(
            logits=logits,
            hidden=hidden,
            grids=tuple(tuple(self.network.patch_embed.grid_size) for _ in hidden),
            prefix=self.network.num_prefix_tokens,
            attention=attention,
        )

    def _see_embedding(self, block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if "hidden" in self._needs:
            self._hidden.append(inputs[0].float())

    def _see_block(self, block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if "hidden" in self._needs:
            self._hidden.append(output.float())

    def _see_projection(
        self, attention: nn.Module, projection: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
    ) -> None:
        if "qkv" in self._needs:
            batch, tokens, _ = output.shape
            parts = output.reshape(batch, tokens, 3, attention.num_heads, attention.head_dim)
            queries, keys, values = parts.permute(2, 0, 3, 1, 4)
            queries, keys = attention.q_norm(queries), attention.k_norm(keys)
            self._attention.append(Attention(queries.float(), keys.float(), values.float()))


def is_plain(attention: nn.Module) -> bool:
    """Whether what the projection gives is what the softmax sees: no rotation, bias or mixing in between."""
    projection = getattr(attention, "qkv", None)
    return (
        isinstance(projection, nn.Linear)
        and all(hasattr(attention, name) for name in ("num_heads", "head_dim", "q_norm", "k_norm"))
        and not hasattr(attention, "qkv_bias_separate")
        and projection.out_features == 3 * attention.num_heads * attention.head_dim
    )
