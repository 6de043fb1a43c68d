"""A collapsed encoder is recognised by two numbers."""

import math

import pytest
import torch

from pipeline.latents.health import measure_health


def along(*scales):
    """Latents [8, C, 1, 1] whose centred matrix has orthogonal columns of these lengths."""
    signs = torch.tensor([[1.0, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1]])
    signs = torch.cat([signs, signs[:1] * signs[1:]])[: len(scales)]
    return (signs.T * torch.tensor(scales) / math.sqrt(8))[:, :, None, None]


@pytest.mark.parametrize(
    ("scales", "rank"),
    [
        ((1.0, 1.0, 1.0), 3.0),
        ((2.0, 2.0, 0.0), 2.0),
        ((5.0, 0.0, 0.0), 1.0),
        # Shares 3/4 and 1/4: the entropy is ln 4 - 3/4 ln 3.
        ((3.0, 1.0), 4 / 3**0.75),
    ],
)
def test_the_rank_counts_directions(scales, rank):
    assert measure_health(along(*scales)).rank == pytest.approx(rank, rel=1e-6)


def test_the_rank_does_not_depend_on_scale_or_axes(generator):
    latents = along(3.0, 1.0)
    turn = torch.linalg.qr(torch.randn(2, 2, generator=generator)).Q * 7
    turned = torch.einsum("nchw,cd->ndhw", latents, turn)
    assert measure_health(turned).rank == pytest.approx(measure_health(latents).rank, rel=1e-5)


def test_the_spread_is_the_mean_standard_deviation():
    assert measure_health(along(3.0, 1.0)).std == pytest.approx((3 + 1) / 2 / math.sqrt(8))


def test_what_is_alike_in_every_frame_counts_as_nothing(generator):
    latents = torch.randn(6, 4, 3, 5, generator=generator)
    places = torch.randn(1, 4, 3, 5, generator=generator) * 100
    plain, moved = measure_health(latents), measure_health(latents + places)
    assert moved.rank == pytest.approx(plain.rank, rel=1e-4)
    assert moved.std == pytest.approx(plain.std, rel=1e-4)


def test_a_collapsed_encoder_has_no_spread(generator):
    places = torch.randn(1, 4, 3, 5, generator=generator).expand(6, -1, -1, -1)
    collapsed = measure_health(places)
    assert collapsed.std == pytest.approx(0, abs=1e-9)
    assert 1 <= collapsed.rank <= 4


@pytest.mark.parametrize(
    ("latents", "collapsed"),
    [
        (along(3.0, 1.0), False),
        (along(5.0, 0.0), True),
        (along(5.0, 0.05), True),
        (along(5.0), False),
        (along(3.0, 1.0)[:1], False),
        (along(3.0, 1.0) + 100, False),
        (along(3.0, 1.0) + 10_000, True),
        (torch.zeros(8, 2, 1, 1), True),
    ],
    ids=[
        "two directions",
        "one of two",
        "hardly a second",
        "one of one",
        "a single frame",
        "off the origin",
        "beyond the steps of float16",
        "nothing",
    ],
)
def test_latents_have_collapsed_that_hardly_tell_frames_apart(latents, collapsed):
    assert measure_health(latents).collapsed is collapsed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_latents_that_are_not_finite_have_no_health(value):
    latents = along(3.0, 1.0)
    latents[3, 1] = value
    with pytest.raises(FloatingPointError):
        measure_health(latents)


def test_independent_channels_fill_the_space(generator):
    assert measure_health(torch.randn(500, 8, 2, 2, generator=generator)).rank > 7.9
