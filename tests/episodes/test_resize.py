"""Frames are resized as the reference resizes them."""

import numpy as np
import pytest
import torch

from pipeline.episodes.resize import Preprocessing, resize


def pixels(frames):
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def test_a_size_that_fits_keeps_every_pixel():
    frames = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    assert torch.equal(
        Preprocessing(height=4, width=4, antialias=True).apply(frames), pixels(frames)
    )
    sized = resize(pixels(frames), (4, 4))
    assert sized.dtype == torch.float32
    torch.testing.assert_close(sized, pixels(frames) / 255, atol=1e-6, rtol=0)


@pytest.mark.parametrize("antialias", [False, True])
def test_black_and_white_are_the_ends_of_the_range(antialias):
    frames = np.stack([np.full((3, 5, 3), value, np.uint8) for value in (0, 255)])
    sized = Preprocessing(height=8, width=6, antialias=antialias).apply(frames)
    assert sized.shape == (2, 3, 8, 6)
    assert sized.dtype == torch.uint8
    assert (sized[0] == 0).all()
    assert (sized[1] == 255).all()


ROW = np.array([0, 0, 0, 240, 240, 240, 240, 240], np.uint8)
STRIPES = np.broadcast_to(ROW[None, None, :, None], (1, 8, 8, 3)).copy()


def test_pixels_are_areas_and_shrinking_takes_no_average_unless_asked():
    # Centres of the two halves lie between pixels 1 and 2, and 5 and 6.
    ends = (resize(pixels(STRIPES), (2, 2))[0, 0, 0] * 255).tolist()
    assert ends == pytest.approx([0, 240], abs=1e-4)
    assert (resize(pixels(STRIPES), (4, 4))[0, 0, 0] * 255).tolist() == pytest.approx(
        [0, 120, 240, 240]
    )
    smooth = Preprocessing(height=2, width=2, antialias=True).apply(STRIPES)[0, 0, 0].tolist()
    assert 0 < smooth[0] < 120 < smooth[1] < 240


def test_growing_is_the_same_with_and_without_antialiasing():
    frames = np.random.default_rng(0).integers(0, 255, (2, 7, 7, 3), np.uint8)
    ways = [
        Preprocessing(height=10, width=8, antialias=way).apply(frames).int()
        for way in (False, True)
    ]
    assert (ways[0] - ways[1]).abs().max() <= 1
