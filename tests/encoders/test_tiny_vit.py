"""The small transformer: tokens in reading order, and of nothing but the patches that are seen."""

import math

import pytest
import torch

from pipeline.encoders._shared.tiny_vit import Architecture, TinyVit, sincos_positions
from pipeline.errors import ParamsError

SMALL = Architecture(patch=4, width=16, depth=2, heads=2)


@pytest.fixture
def vit():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TinyVit(SMALL).requires_grad_(False)


@pytest.fixture
def pixels(generator):
    return torch.rand(3, 3, 12, 20, generator=generator) * 2 - 1


def test_every_patch_has_a_token(vit, pixels):
    assert vit(pixels).shape == (3, 15, 16)


def test_seeing_all_patches_in_any_order_is_seeing_the_picture(vit, pixels, generator):
    order = torch.stack([torch.randperm(15, generator=generator) for _ in range(3)])
    expected = torch.stack([tokens[rows] for tokens, rows in zip(vit(pixels), order, strict=True)])
    torch.testing.assert_close(vit(pixels, order), expected, atol=1e-5, rtol=1e-5)


def test_tokens_depend_on_the_patches_that_are_kept_and_on_no_other(vit, pixels):
    keep = torch.tensor([[0, 6], [7, 2], [14, 13]])
    before = vit(pixels, keep)
    changed = pixels.clone()
    changed[0, :, 4:8, 8:12] += 1  # second row, third column: patch 7, which picture 1 alone keeps
    changed[1, :, 4:8, 8:12] += 1
    after = vit(changed, keep)
    assert torch.equal(after[[0, 2]], before[[0, 2]])
    assert not torch.isclose(after[1], before[1]).all(-1).any()


def test_positions_are_sines_and_cosines_of_row_and_column():
    table = sincos_positions((2, 3), 8)
    row, column, slow = 1, 2, 1 / 100
    expected = [
        f(angle)
        for place in (row, column)
        for f in (math.sin, math.cos)
        for angle in (place, place * slow)
    ]
    torch.testing.assert_close(table[row * 3 + column], torch.tensor(expected))
    assert len({tuple(place) for place in table.tolist()}) == 6


def test_every_patch_is_told_its_position(vit, pixels):
    vit.embed.weight.zero_()
    vit.embed.bias.zero_()
    vit.blocks = vit.norm = torch.nn.Identity()
    assert torch.equal(vit(pixels), sincos_positions((3, 5), 16).expand(3, -1, -1))


def test_patches_must_tile_the_frames():
    assert SMALL.grid(12, 20, "x") == (3, 5)
    with pytest.raises(ParamsError, match=r"x.patch = 4 does not divide frames of 12 x 18; choose"):
        SMALL.grid(12, 18, "x")


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="heads = 3 must divide width = 16"):
        Architecture(patch=4, width=16, depth=1, heads=3)
