"""Cameras of the user's, for a rollout of a model that is conditioned by them."""

import numpy as np
import pytest
import torch
from camera_helpers import SIZE, Means, walk
from PIL import Image
from rollout_helpers import randomised
from train_helpers import sampling, world_model

from pipeline.episodes.cameras import to_arrays
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cameras import camera_rows, motions
from pipeline.rollout.generate import Generator
from pipeline.tools.rollout.request import Start
from pipeline.tools.rollout.starts import Place, clips_of

HISTORY, NEW, INTERVAL = 2, 5, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cameras")
    np.save(folder / "actions.npy", np.ones((HISTORY - 1 + NEW) * INTERVAL * 2).reshape(-1, 2))
    np.savez(folder / "cameras.npz", **to_arrays(walk(HISTORY + NEW + 1, seed=9)))
    Image.new("RGB", SIZE[::-1]).save(folder / "frame.png")
    return folder


@pytest.fixture(scope="module")
def place(folder, filmed_folder, filmed_cache):
    return Place(filmed_cache, filmed_folder / "shards", folder / "params.yaml")


def start(folder, **changes):
    usual = {"clips": 1, "frames": NEW, "history": HISTORY, "simulate": False, "episode": "0"}
    own = {"start": 3, "begin": None, "actions": folder / "actions.npy"}
    return Start(**{**usual, **own, "cameras": folder / "cameras.npz", **changes})


@pytest.mark.parametrize("own", [{}, {"episode": None, "start": 0, "begin": "frame.png"}])
def test_a_rollout_follows_the_cameras_that_are_given(folder, place, own):
    if own:
        own = {**own, "begin": folder / own["begin"], "history": 1}
    model = randomised(world_model(place.cache, camera="prope", patch=1))
    (load,) = clips_of(start(folder, **own), model, place, 0)
    clip = load()
    frames = clip.history.shape[0] + NEW
    assert clip.truth is None
    expected = motions(camera_rows(walk(8, seed=9)[:frames], SIZE))[:-1]
    generator = Generator(model, Means(), sampling(steps=1), 0)
    given = generator._actions(clip)
    np.testing.assert_allclose(given[:, 0, 2:], expected, atol=1e-6)
    generated = torch.stack([*generator.latents([clip], generator.history([clip]))])
    assert generated.shape[:2] == (NEW, 1)


def test_cameras_that_do_nothing_or_are_too_few_are_refused(folder, place):
    spec = place.cache.spec.model_copy(update={"camera_scale": None})
    plain = world_model(place.cache.whitened_by(spec), patch=1)
    with pytest.raises(ParamsError, match="no cameras condition this model"):
        clips_of(start(folder), plain, place, 0)
    model = world_model(place.cache, camera="prope", patch=1)
    with pytest.raises(ParamsError, match=r"cameras.npz needs actions to follow beside them"):
        clips_of(start(folder, actions=None), model, place, 0)
    np.savez(folder / "few.npz", **to_arrays(walk(HISTORY + NEW - 1)))
    (load,) = clips_of(start(folder, cameras=folder / "few.npz"), model, place, 0)
    with pytest.raises(DataError, match=r"6 cameras for 7 frames.*of 7 frames, those given incl"):
        load()
