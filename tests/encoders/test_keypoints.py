"""Keypoints: where things are, from pixels, and back."""

import pytest
import torch
from helpers import default

from pipeline.encoders import ENCODERS, keypoints
from pipeline.encoders.keypoints import networks, weighting
from pipeline.errors import ParamsError, UserError


def options(**changes):
    return default(ENCODERS, "keypoints", **changes)[1]


SMALL = options(keypoints=2, width=8, steps=200, learning_rate=1.0e-2)


def dots(count):
    """Frames uint8 [count, 3, 32, 32], grey, with a dot of 3 x 3 pixels; and its places [N, 2]."""
    places = torch.randint(2, 30, (count, 2), generator=torch.Generator().manual_seed(0))
    frames = torch.full((count, 3, 32, 32), 128, dtype=torch.uint8)
    for frame, (y, x) in zip(frames, places, strict=True):
        frame[:, y - 1 : y + 2, x - 1 : x + 2] = torch.tensor([255, 0, 0])[:, None, None]
    return frames, places


def test_latents_tell_places_linearly_and_decode_to_the_frame():
    frames, places = dots(400)
    codec = keypoints.fit(frames[:300], SMALL, seed=0)
    latents = codec.encode(frames).mean
    assert latents.shape == (400, 4, 1, 1)
    assert latents.abs().max() <= 1
    inputs = torch.cat([latents.flatten(1), torch.ones(400, 1)], 1)
    weights = torch.linalg.lstsq(inputs[:300], places[:300].float()).solution
    error = (inputs[300:] @ weights - places[300:]).norm(dim=1)
    assert error.median() < 0.5  # pixels
    painted = codec.decode(latents[300:])[torch.arange(100), :, *places[300:].T].float()
    assert painted[:, 0].median() > 200
    assert painted[:, 1].median() < 60


def test_a_map_with_one_peak_puts_the_keypoint_there():
    maps = torch.full((1, 1, 4, 6), -30.0)
    maps[0, 0, 3, 0] = 30.0
    found = networks.expected_place(maps, networks.grid(4, 6))
    torch.testing.assert_close(found, torch.tensor([[[1.0, -1.0]]]))


def test_colours_weigh_one_in_the_mean_and_more_where_they_are_rare():
    frames = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    frames[:, 0, :2, :2] = 255
    weights = weighting.colour_weights(frames, rarity=0.5)
    weight = weighting.weigh(frames, torch.zeros(2, 3, 8, 8), weights, moving=5.0)
    assert weight.mean().item() == pytest.approx(1, abs=1e-6)
    # 4 + 1 of 64 pixels against 60 + 1, by the root.
    ratio = weight[0, 0, 0, 0] / weight[0, 0, -1, -1]
    assert ratio.item() == pytest.approx((61 / 5) ** 0.5, rel=1e-5)
    assert torch.equal(weighting.colour_weights(frames, 0.0), torch.ones(64))


def test_pixels_weigh_more_the_more_they_differ_from_the_mean_picture():
    frames = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    change = torch.zeros(1, 3, 4, 4)
    change[0, 1, 0, 0], change[0, 2, 0, 1] = -0.5, 1.8
    weight = weighting.weigh(frames, change, torch.ones(64), moving=4.0)
    assert weight[0, 0, 0].tolist() == [3.0, 5.0, 1.0, 1.0]


def test_frames_without_whole_cells_are_refused():
    with pytest.raises(ParamsError, match=r"cells of 4 x 4 pixels, but these are 30 x 32"):
        keypoints.fit(torch.zeros(4, 3, 30, 32, dtype=torch.uint8), options(), seed=0)


def test_frames_of_another_size_are_refused():
    codec = keypoints.fit(dots(8)[0], options(steps=1), seed=0)
    with pytest.raises(UserError, match=r"frames are 16 x 32, but .* fitted to 32 x 32"):
        codec.encode(torch.zeros(1, 3, 16, 32, dtype=torch.uint8))
