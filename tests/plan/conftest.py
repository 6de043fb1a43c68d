"""A small cache of the Wall world."""

import pytest
from encode_helpers import encoded
from helpers import default
from ingest_helpers import ingested
from planning_helpers import Position

from pipeline.latents.cache import open_cache
from pipeline.worlds import WORLDS


@pytest.fixture(scope="module")
def world():
    module, options = default(WORLDS, "wall", crossing=0)
    return module.build(options)


@pytest.fixture(scope="module")
def cache(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    episodes = list(world.collect(20, 30, seed=0))
    ingested(episodes, folder / "shards", normalise_actions=False, train_share=0.5, split_seed=0)
    encoded(folder / "shards", Position, folder / "latents.zarr")
    return open_cache(folder / "latents.zarr")
