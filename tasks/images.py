"""Images as tensors on the device: one gather crops and flips a whole batch, another line normalises it.

Images are kept as uint8 (n, H, W, channels). Permuted to (B, channels, H, W) that layout is channels_last, the
one that convolutions are fastest in, at no cost.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def crop_and_flip_draws(count: int, padding: int, flip: bool, generator: Generator) -> dict[str, Tensor]:
    """Draws for `crop_and_flip`: `top` and `left` in 0..2·padding, and `flip` (all False if not wanted)."""
    top = torch.randint(2 * padding + 1, (count,), generator=generator)
    left = torch.randint(2 * padding + 1, (count,), generator=generator)
    flips = torch.rand(count, generator=generator) < 0.5 if flip else torch.zeros(count, dtype=torch.bool)
    return {"top": top, "left": left, "flip": flips}


def crop_and_flip(images: Tensor, draws: dict[str, Tensor], padding: int) -> Tensor:
    """Zero-pads each image, cuts a window of the old size at (top, left), and mirrors it where `flip`.

    images (B, H, W, channels) → the same shape. Each draw is (B,).
    """
    count, height, width, _ = images.shape
    padded = F.pad(images, (0, 0, padding, padding, padding, padding))
    rows = draws["top"][:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    columns = torch.where(draws["flip"][:, None], width - 1 - columns, columns) + draws["left"][:, None]
    examples = torch.arange(count, device=images.device)
    return padded[examples[:, None, None], rows[:, :, None], columns[:, None, :]]


def normalise(images: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    """uint8 (B, H, W, channels) → float32 (B, channels, H, W) in channels_last.

    mean and deviation are per channel, for values in 0..1.
    """
    centre, scale = constants(mean, deviation, images.device)
    return ((images.float() - centre) * scale).permute(0, 3, 1, 2)


@lru_cache
def constants(mean: tuple[float, ...], deviation: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The mean in 0..255 and the inverse deviation, on the device once: a copy a step would stall a GPU."""
    centre = 255 * torch.tensor(mean, device=device)
    return centre, 1 / (255 * torch.tensor(deviation, device=device))
