"""Fixtures of every test, one thread for each of the workers, and quick compilation."""

import os
import shutil

# Two workers share two cores: threads that spin for each other would slow both down many times.
os.environ["OMP_NUM_THREADS"] = "1"
# Kernels without vector instructions compile in half the time, in this process: another one would
# import torch first.
os.environ["TORCHINDUCTOR_VEC_ISA_OK"] = "0"
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"

import pytest
import torch
from camera_helpers import cached, filmed
from encode_helpers import encoded
from helpers import default, make_episode
from in_process import run_stages
from ingest_helpers import ingested
from pipeline_helpers import make_workspace, run

from pipeline import encoders
from pipeline.encode.shard import Saved
from pipeline.encoders import ENCODERS
from pipeline.fit.fit import sample
from pipeline.latents.cache import open_cache


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def folder_of_latents(tmp_path_factory):
    """A folder with small shards, their codec and their sealed latent cache."""
    folder = tmp_path_factory.mktemp("cache")
    episodes = [make_episode(f"episode_{i:03d}", length=14 + i) for i in range(10)]
    ingested(episodes, folder / "shards", episodes_per_shard=4, train_share=0.7, split_seed=0)
    module, chosen = default(ENCODERS, "patch_pca", patch=4, components=3)
    frames = sample(folder / "shards", "train", 1000, 1).frames
    encoders.save(module.fit(frames, chosen, 0), "patch_pca", chosen.model_dump(), folder / "codec")
    codec = folder / "codec"
    card = {"name": encoders.name_of(codec), "digest": encoders.digest(codec)}
    encoded(folder / "shards", Saved(codec), folder / "latents.zarr", **card)
    return folder


@pytest.fixture(scope="session")
def cache(folder_of_latents):
    return open_cache(folder_of_latents / "latents.zarr")


@pytest.fixture(scope="session")
def filmed_folder(tmp_path_factory):
    """A folder with shards whose cameras are known, and their latent cache; it is only read."""
    folder = tmp_path_factory.mktemp("cameras")
    cached(folder, [filmed(number) for number in range(6)])
    return folder


@pytest.fixture(scope="session")
def filmed_cache(filmed_folder):
    """That cache, as models that are conditioned by cameras see it."""
    cache = open_cache(filmed_folder / "latents.zarr")
    return cache.whitened_by(cache.spec)


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """A workspace of smoke size in which every stage has run; it is only read."""
    folder = run_stages(make_workspace(tmp_path_factory.mktemp("smoke") / "run"))
    run(folder, "git", "gc", "--quiet")  # a copy of it has hundreds of files less
    return folder


@pytest.fixture
def workspace(smoke_run, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(smoke_run, tmp_path / "workspace", symlinks=True)
