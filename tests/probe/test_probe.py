"""The probe on episodes of a dot whose position is known, and the files that it leaves."""

import numpy as np
import pytest
import torch.nn.functional as F
from encode_helpers import encoded
from helpers import default
from ingest_helpers import ingested

from pipeline.encoders import Posterior
from pipeline.latents.cache import open_cache
from pipeline.probe import Options
from pipeline.probe.fit import fit
from pipeline.worlds import WORLDS

INTERVAL = 5


def options(**changes):
    values = {
        "readout": {"width": 24, "depth": 2, "steps": 300, "batch": 32, "learning_rate": 1e-2},
        "inverse": {
            **{"width": 32, "depth": 2, "frames": 3},
            **{"steps": 200, "batch": 64, "learning_rate": 1e-2},
        },
        "seed": 0,
    }
    return Options.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def world():
    module, chosen = default(WORLDS, "wall", crossing=0, size=16)
    return module.build(chosen)


class Pooled:
    """Encodes a frame as the mean of each 4 x 4 pixels of one colour, [1, 4, 4]."""

    stochastic = False
    published_scale = None

    def to(self, device):
        return self

    def encode(self, frames):
        return Posterior(F.avg_pool2d(frames[:, :1].float(), 4), None)


@pytest.fixture(scope="module")
def latents(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    episodes = list(world.collect(40, 24, seed=0))
    ingested(episodes, folder / "shards", normalise_actions=False, train_share=0.8, split_seed=0)
    encoded(folder / "shards", Pooled, folder / "latents.zarr")
    return open_cache(folder / "latents.zarr")


@pytest.fixture(scope="module")
def fitted(world, latents):
    return fit(latents, world.coordinates, INTERVAL, options())


@pytest.fixture
def saved(fitted, tmp_path):
    fitted[0].save(tmp_path / "probe")
    return tmp_path / "probe"


def test_it_reads_positions_that_it_was_never_shown(fitted, latents):
    probe, scores = fitted
    assert scores.distance < 2.5
    assert all(
        e < m / 4 for e, m in zip(scores.median_error, scores.mean_median_error, strict=True)
    )
    row = latents.episodes("val")[0]
    read = probe.coordinates(latents.latents(latents.latent_starts[[row]], None))
    truth = latents.states[latents.starts[row]]
    assert np.linalg.norm(read[0].detach().numpy() - truth) < 10
