"""Statistics of latents have a unit for every channel, also for one that never varies."""

from functools import partial

import numpy as np
import pytest
import torch
from encode_helpers import encoded
from helpers import make_episode
from ingest_helpers import ingested

from pipeline.encoders import Posterior
from pipeline.latents.cache import open_cache
from pipeline.latents.statistics import LatentStatistics


class Means:
    """Block means of three colours as channels, each times its scale, after constant ones."""

    takes = "frames"
    stochastic = False
    published_scale = None

    def __init__(self, constants, scale=1.0):
        self.constants, self.scale = torch.tensor(constants), scale

    def to(self, device):
        return self

    def encode(self, frames):
        colours = self.scale * torch.nn.functional.avg_pool2d(frames.float(), 4) / 255
        dead = self.constants[:, None, None].expand(len(frames), -1, *colours.shape[2:])
        return Posterior(torch.cat([dead, colours], 1), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tally") / "shards"
    ingested([make_episode(f"episode_{i}", length=30) for i in range(4)], path, train_share=0.75)
    return path


def tally(latents):
    """Of latents [N, C]."""
    found = LatentStatistics(latents.shape[1])
    found.add(torch.from_numpy(latents.astype(np.float32))[:, :, None, None], None)
    return found


@pytest.mark.parametrize("storage", ["float16", "int8"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_dead_channels_leave_all_figures_of_the_others_as_they_are(
    folder, tmp_path, storage, scale
):
    constants = [0.0, 1 / 3 * scale, -scale]
    whole = partial(Means, constants, scale)
    alive = encoded(folder, partial(Means, [], scale), tmp_path / "alive.zarr", storage=storage)
    found = encoded(folder, whole, tmp_path / "found.zarr", storage=storage)
    assert (alive.dead_channels, found.dead_channels) == (0, 3)
    assert found.rounding_error == alive.rounding_error
    spec = open_cache(tmp_path / "found.zarr").spec
    theirs = open_cache(tmp_path / "alive.zarr").spec
    assert (spec.mean[3:], spec.std[3:]) == (theirs.mean, theirs.std)
    assert spec.std[:3] == [pytest.approx(np.sqrt(np.mean(np.square(theirs.std))))] * 3


def test_an_error_in_a_dead_channel_weighs_as_much_as_in_another(folder, tmp_path):
    encoded(folder, partial(Means, [0.5]), tmp_path / "latents.zarr")
    spec = open_cache(tmp_path / "latents.zarr").spec
    off = torch.eye(4)[:, :, None, None]
    errors = (spec.whiten(off) - spec.whiten(torch.zeros_like(off))).square().sum((1, 2, 3))
    assert errors[0] == pytest.approx(float(1 / (1 / errors[1:]).mean()))


def test_a_channel_is_alive_that_varies_in_a_single_step_of_float16():
    steps = np.full((10_000, 2), 1000.0)
    steps[17, 1] += 0.5
    assert tally(steps).alive().tolist() == [False, True]


def test_a_small_channel_is_alive_beside_large_ones():
    noise = np.random.default_rng(0).normal(size=(5000, 1))
    found = tally(np.concatenate([1e-3 * noise, 40 * noise, 5000 + noise], 1))
    assert found.alive().all()
    assert found.std() == pytest.approx([1e-3, 40, 1], rel=0.05)


@pytest.mark.parametrize("constant", [7.777, 777.7])
def test_what_rounding_leaves_of_a_constant_is_no_spread(constant):
    noise = np.random.default_rng(0).normal(size=(5000, 1))
    found = tally(np.concatenate([noise, 1e-7 * noise, np.full_like(noise, constant)], 1))
    assert found.alive().tolist() == [True, False, False]
    assert found.std().tolist() == [found.std()[0]] * 3


def test_where_every_channel_is_dead_the_unit_is_one_and_no_share_is_known():
    found = tally(np.full((100, 3), 0.1))
    assert found.std().tolist() == [1.0, 1.0, 1.0]
    assert found.rounding_error() is None
    assert np.isfinite(found.sums().deviations).all()


def test_the_spread_of_a_channel_far_from_zero_is_exact():
    values = (60_000 + np.random.default_rng(0).normal(0, 0.3, (5000, 2))).astype(np.float32)
    found = tally(values)
    found.add(torch.from_numpy(values)[:, :, None, None], torch.full((5000, 2, 1, 1), 0.4))
    exact = np.sqrt(values.astype(np.float64).var(0) + 0.4**2 / 2)
    np.testing.assert_allclose(found.std(), exact, rtol=1e-7)
