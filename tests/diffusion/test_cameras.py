"""Rollouts of a model that is conditioned by cameras: windows that slide, a KV cache, clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from camera_helpers import Means
from helpers import ROOT, default, every
from rollout_helpers import precise, randomised
from train_helpers import QUICK, sampling, world_model
from train_helpers import options as train_options

import nanowm
from pipeline.diffusion import rollout
from pipeline.diffusion.incremental import Stepper
from pipeline.diffusion.sample import sample
from pipeline.errors import DataError, ParamsError
from pipeline.latents.windows import Windows
from pipeline.params import read
from pipeline.plan.load import Artefacts, load
from pipeline.rollout import clips
from pipeline.rollout.clips import Length
from pipeline.rollout.generate import Generator
from pipeline.samplers import SAMPLERS
from pipeline.testing.member import scaled_error
from pipeline.train.setup import trainer_of
from pipeline.worlds import WORLDS

WAYS = pytest.mark.parametrize("camera", ["token", "prope", "joint", "prope_branch"])
NEW = 7  # the window slides over four frames


@pytest.fixture
def cache(filmed_cache):
    return filmed_cache


def model_of(cache, camera):
    return world_model(cache, camera=camera, patch=1, size={"width": 32, "heads": 2, "depth": 4})


def inputs(cache, generator, how, history=2, dtype=torch.float32):
    """History, actions with motions, and noise of two clips."""
    windows = Windows(cache, "val", history + NEW, 2)
    rows = np.array([0, len(windows) - 1])
    noise = how.noise(2, history, NEW, cache.spec.latent_shape, generator)
    latents = windows.latents(rows, None)[:, :history].to(dtype)
    return latents, windows.actions(rows)[:, :-1].to(dtype), noise


@WAYS
@pytest.mark.parametrize("sampler", every(SAMPLERS))
def test_a_rollout_is_the_same_with_and_without_a_kv_cache(
    cache, generator, camera, sampler, monkeypatch
):
    model, how = precise(model_of(cache, camera)), sampling(sampler, steps=2)
    given = inputs(cache, generator, how, dtype=torch.float64)
    fast = model.rollout(*given, how)
    monkeypatch.setattr(
        rollout, "sample", lambda *args, **options: sample(*args, **options, use_kv_cache=False)
    )
    assert scaled_error(fast, model.rollout(*given, how)) < 1e-6


@WAYS
def test_steps_are_the_rollout_to_the_bit(cache, generator, camera):
    model, how = randomised(model_of(cache, camera)), sampling(steps=2)
    history, actions, noise = inputs(cache, generator, how)
    scaled = model.model_actions(actions)
    stepper = Stepper(model.denoiser, model.objective, model.config.frames, how)
    window, frames = stepper.begin(history, scaled[:, :1]), []
    for index in range(1, scaled.shape[1]):
        window = stepper.step(window, scaled[:, index], noise)
        frames.append(window.frames[:, -1])
    assert torch.equal(torch.stack(frames, 1), model.rollout(history, actions, noise, how))


@WAYS
def test_training_moves_the_weights_of_cameras(cache, camera):
    windows = Windows(cache, "train", 4, 2)
    fitted = trainer_of(model_of(cache, camera), windows, train_options(**QUICK))
    before = {name: value.clone() for name, value in fitted.network.state_dict().items()}
    for step in range(3):
        fitted.train_step(fitted.batches.draw(step))
    after = fitted.network.state_dict()
    own = [name for name in after if "camera_embedder" in name or "branch_proj" in name]
    assert own
    assert not any(torch.equal(after[name], before[name]) for name in own)


@WAYS
def test_clips_have_the_motions_that_windows_have(filmed_folder, cache, camera):
    model = randomised(model_of(cache, camera))
    length = Length(history=2, frames=NEW, interval=2)
    loads = clips.fixed(cache, filmed_folder / "shards", length, 2, 0, "rollout.clips")
    generator = Generator(model, Means(), sampling(steps=1), 0)
    for clip in (each() for each in loads):
        index = [entry.key for entry in cache.seal.episodes].index(clip.episode)
        windows = Windows(cache, "val", length.total, 2)
        row = np.flatnonzero((windows.rows == [index, clip.start]).all(1))
        expected = windows.actions(row)[0, :-1]
        torch.testing.assert_close(generator._actions(clip), expected, atol=1e-6, rtol=0)
        frames = list(generator.latents([clip], generator.history([clip])))
        assert len(frames) == NEW


def test_a_clip_without_cameras_is_refused(filmed_folder, cache):
    length = Length(history=2, frames=NEW, interval=2)
    clip = clips.fixed(cache, filmed_folder / "shards", length, 1, 0, "rollout.clips")[0]()
    generator = Generator(randomised(model_of(cache, "prope")), Means(), sampling(steps=1), 0)
    with pytest.raises(DataError, match=f"{clip.episode}: its cameras are not known"):
        generator._actions(replace(clip, cameras=None))


def test_what_makes_up_actions_refuses_a_model_with_cameras(cache, tmp_path):
    with pytest.raises(ParamsError, match=r"nanowm does not know where .*camera: none"):
        nanowm.WorldModel(model_of(cache, "prope"), tmp_path, steps=1)


def test_nothing_is_planned_with_cameras_and_the_reason_is_given(cache, tmp_path, monkeypatch):
    model = model_of(cache, "token")
    monkeypatch.setattr("pipeline.plan.load.load_for", lambda *_: model)
    artefacts = Artefacts(tmp_path, tmp_path, tmp_path)
    settings = read(ROOT / "params.yaml")
    module, options = default(WORLDS, "wall")
    reason = load(settings, module.build(options), cache, artefacts)
    assert "conditioned by cameras (denoisers.nanowm.camera)" in reason
    assert load(settings, "of something else", cache, artefacts) == "of something else"


def test_the_code_on_the_model_card_runs(cache, tmp_path):
    """With a camera that stands still, in place of actions alone."""
    model = randomised(model_of(cache, "prope"))
    model.save_pretrained(tmp_path)
    code = (tmp_path / "README.md").read_text().split("```")[1].removeprefix("python")
    scope = {}
    exec(code.replace("THIS_REPOSITORY", str(tmp_path)), scope)
    assert scope["frames"].shape == (1, 8, *cache.spec.latent_shape)
    assert scope["frames"].isfinite().all()
