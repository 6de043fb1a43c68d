"""A small model with its codec, in the folder that a workspace would hold it in."""

import shutil

import numpy as np
import pytest
from rollout_helpers import randomised
from train_helpers import world_model

import nanowm


@pytest.fixture(scope="session")
def pair(cache, folder_of_latents, tmp_path_factory):
    """FOLDER/codec and FOLDER/world_model, as stages write them: frames of 16 x 16, interval 2."""
    folder = tmp_path_factory.mktemp("models") / "patch_pca"
    shutil.copytree(folder_of_latents / "codec", folder / "codec")
    randomised(world_model(cache)).save_pretrained(folder / "world_model")
    return folder


@pytest.fixture
def model(pair):
    return nanowm.load(pair)


@pytest.fixture
def frames():
    """Two sequences of three frames, uint8 [2, 3, 16, 16, 3]."""
    return np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3), np.uint8)


@pytest.fixture
def actions():
    """Two sequences of actions for the frames and six that follow, float32 [2, 16, 2]."""
    return np.random.default_rng(1).normal(size=(2, 16, 2)).astype(np.float32)
