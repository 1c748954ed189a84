"""Augmentation in one gather equals a slow loop over images."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.images import crop_and_flip, crop_and_flip_draws, normalise


def slow_crop_and_flip(images: torch.Tensor, draws: dict[str, torch.Tensor], padding: int) -> torch.Tensor:
    """One image at a time: pad, cut, mirror."""
    result = []
    for number, image in enumerate(images):
        height, width, channels = image.shape
        padded = torch.zeros(height + 2 * padding, width + 2 * padding, channels, dtype=image.dtype)
        padded[padding : padding + height, padding : padding + width] = image
        top, left = int(draws["top"][number]), int(draws["left"][number])
        window = padded[top : top + height, left : left + width]
        result.append(window.flip(1) if draws["flip"][number] else window)
    return torch.stack(result)


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 6),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 3]),
    padding=st.integers(0, 4),
    flip=st.booleans(),
)
def test_crop_and_flip_equals_a_loop_over_images(seed, count, height, width, channels, padding, flip):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, height, width, channels), generator=generator, dtype=torch.uint8)
    draws = crop_and_flip_draws(count, padding, flip, generator)
    augmented = crop_and_flip(images, draws, padding)
    assert augmented.dtype == torch.uint8
    assert torch.equal(augmented, slow_crop_and_flip(images, draws, padding))


def test_draws_take_every_value_and_both_sides():
    draws = crop_and_flip_draws(2000, 4, True, torch.Generator().manual_seed(0))
    assert draws["top"].unique().tolist() == list(range(9))
    assert draws["left"].unique().tolist() == list(range(9))
    assert not torch.equal(draws["top"], draws["left"])
    assert 0.45 < draws["flip"].float().mean() < 0.55


def test_no_flips_unless_wanted():
    generator = torch.Generator().manual_seed(0)
    assert not crop_and_flip_draws(100, 4, False, generator)["flip"].any()


def test_draws_are_a_function_of_the_generator():
    first, second = (crop_and_flip_draws(50, 4, True, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_normalise_gives_each_channel_its_own_mean_and_deviation():
    images = torch.randint(256, (2, 4, 5, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    mean, deviation = (0.5, 0.4, 0.3), (0.2, 0.3, 0.1)
    result = normalise(images, mean, deviation)
    assert result.shape == (2, 3, 4, 5)
    assert result.dtype == torch.float32
    assert result.is_contiguous(memory_format=torch.channels_last)
    for channel in range(3):
        expected = (images[..., channel] / 255 - mean[channel]) / deviation[channel]
        torch.testing.assert_close(result[:, channel], expected)
