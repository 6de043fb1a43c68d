"""A world model rolls out frame by frame, saves itself whole, and refuses what is not its own."""

import pytest
import torch
from helpers import default
from train_helpers import world_model

from pipeline.errors import DataError
from pipeline.train import world_model as models
from pipeline.variants import SAMPLERS

CPU = torch.device("cpu")


@pytest.fixture
def sampling():
    module, options = default(SAMPLERS, "sequential")
    return models.Sampling(module.build(options), 3)


@pytest.fixture
def model(cache, generator):
    model = world_model(cache)
    for parameter in model.denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    model.denoiser.requires_grad_(False)
    return model


def inputs(model, generator, batch=2, known=1, new=3):
    shape = model.spec.latent_shape
    history = torch.randn((batch, known, *shape), generator=generator)
    actions = torch.randn((batch, known - 1 + new, 2, 2), generator=generator)
    return history, actions, torch.randn((batch, new, *shape), generator=generator)


def test_a_long_rollout_begins_like_a_short_one(model, generator, sampling):
    history, actions, noise = inputs(model, generator, new=8)
    long = model.rollout(history, actions, noise, sampling)
    assert long.shape == noise.shape
    short = model.rollout(history, actions[:, :5], noise[:, :5], sampling)
    torch.testing.assert_close(long[:, :5], short)


def test_past_the_window_a_frame_depends_on_the_last_frames_alone(model, generator, sampling):
    history, actions, noise = inputs(model, generator, known=6, new=1)
    first = model.rollout(history, actions, noise, sampling)
    forgotten = history.clone()
    forgotten[:, :3] = 9
    assert torch.equal(model.rollout(forgotten, actions, noise, sampling), first)
    remembered = history.clone()
    remembered[:, 3:] += 1
    assert not torch.equal(model.rollout(remembered, actions, noise, sampling), first)


def test_an_action_changes_no_frame_before_the_one_that_it_leads_to(model, generator, sampling):
    history, actions, noise = inputs(model, generator, new=6)
    changed = actions.clone()
    changed[:, 3] += 1
    before, after = (model.rollout(history, a, noise, sampling) for a in (actions, changed))
    assert torch.equal(before[:, :3], after[:, :3])
    assert (before[:, 3] != after[:, 3]).any()


@pytest.mark.parametrize("frame", [1, 4, 6])
def test_every_frame_starts_from_its_own_noise(model, generator, sampling, frame):
    history, actions, noise = inputs(model, generator, new=8)
    changed = noise.clone()
    changed[:, frame] += 1
    before, after = (model.rollout(history, actions, n, sampling) for n in (noise, changed))
    assert torch.equal(before[:, :frame], after[:, :frame])
    assert (before[:, frame] != after[:, frame]).any()


def test_shared_noise_is_the_same_noise_for_each(model, generator, sampling):
    history, actions, noise = inputs(model, generator)
    shared = model.rollout(history, actions, noise[:1], sampling)
    repeated = model.rollout(history, actions, noise[:1].expand_as(noise), sampling)
    assert torch.equal(shared, repeated)


def test_actions_are_standardised_where_the_data_set_asks_for_it(model):
    spec = model.spec
    actions = torch.tensor(spec.actions["mean"]).expand(1, 1, 2, 2)
    assert spec.normalise_actions
    assert model.fed_actions(actions).abs().max() < 1e-6
    assert model.fed_actions(actions + torch.tensor(spec.actions["std"])).allclose(torch.ones(1))


def test_a_saved_model_is_the_same_model(model, cache, generator, sampling, tmp_path):
    model.save(tmp_path / "wm")
    loaded = models.load(tmp_path / "wm", CPU, cache)
    assert loaded.config == model.config
    arguments = inputs(model, generator)
    expected = model.rollout(*arguments, sampling)
    assert torch.equal(loaded.rollout(*arguments, sampling), expected)
    assert sorted(path.name for path in (tmp_path / "wm").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]


def test_a_missing_or_damaged_model_is_named(model, cache, tmp_path):
    with pytest.raises(DataError, match=r"config.json: no such file; run `dvc repro train`"):
        models.load(tmp_path, CPU, cache)
    model.save(tmp_path / "wm")
    weights = tmp_path / "wm" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(DataError, match="not a readable world model"):
        models.load(tmp_path / "wm", CPU, cache)


def test_weights_of_another_size_are_refused(model, cache, tmp_path):
    model.save(tmp_path / "wm")
    config = tmp_path / "wm" / "config.json"
    config.write_text(config.read_text().replace('"width": 32', '"width": 64'))
    with pytest.raises(DataError, match="not a readable world model"):
        models.load(tmp_path / "wm", CPU, cache)


def test_latents_of_another_encoder_are_refused(model, cache):
    other = cache.spec.model_copy(update={"encoder": "tiny_vae"})
    foreign = type(cache)(cache.path, cache.seal.model_copy(update={"spec": other}), cache.store)
    model.check_cache(cache)
    with pytest.raises(DataError, match="its encoder is tiny_vae, the world model was trained on"):
        model.check_cache(foreign)
