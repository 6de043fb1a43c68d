"""Frames are stretched as the reference stretches them."""

import numpy as np
import pytest
import torch

from pipeline.resize import resize


def test_a_size_that_fits_keeps_every_pixel():
    frames = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    sized = resize(frames, 4)
    assert sized.dtype == torch.float32
    expected = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(sized, expected, atol=1e-6, rtol=0)


def test_black_and_white_are_the_ends_of_the_range():
    frames = np.stack([np.full((3, 5, 3), value, np.uint8) for value in (0, 255)])
    sized = resize(frames, 8)
    assert sized.shape == (2, 3, 8, 8)
    assert (sized[0] == -1).all()
    assert (sized[1] == 1).all()


def test_pixels_are_areas_and_shrinking_takes_no_average():
    row = np.array([0, 0, 0, 240, 240, 240, 240, 240], np.uint8)
    frames = np.broadcast_to(row[None, None, :, None], (1, 8, 8, 3)).copy()
    # Centres of the two halves lie between pixels 1 and 2, and 5 and 6.
    ends = ((resize(frames, 2)[0, 0, 0] + 1) * 127.5).tolist()
    assert ends == pytest.approx([0, 240], abs=1e-4)
    assert ((resize(frames, 4)[0, 0, 0] + 1) * 127.5).tolist() == pytest.approx([0, 120, 240, 240])
