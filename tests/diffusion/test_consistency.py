"""Few-step students: sampled by renoising, at the levels that they know, and in no other way."""

from dataclasses import replace

import pytest
import torch
from helpers import golden
from rollout_helpers import randomised, rollout_inputs
from torch import nn
from train_helpers import part, sampling, world_model

from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.config import Student
from pipeline.diffusion.futures import Futures
from pipeline.diffusion.sample import sample
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError, ParamsError
from pipeline.objectives import OBJECTIVES

FOUR = Student(method="consistency", levels=(999, 749, 499, 249), parents={"teacher": "0" * 64})


def student_of(cache, objective="x", **network):
    model = world_model(cache, objective=objective, **network)
    return randomised(WorldModel(model.config.model_copy(update={"student": FOUR}), model.device))


class Velocity(nn.Module):
    """A stand-in for a network: its velocity to noise is a x + b level."""

    causal = False

    def __init__(self, weights, sigmas):
        super().__init__()
        self.weights, self.sigmas = weights, sigmas

    def forward(self, noisy, level, actions, positions=None, kv_cache=None, clean=None):
        sigma = self.sigmas[level][..., None, None, None]
        a, b = self.weights
        return -(a * noisy + b * sigma)  # ours is the velocity to data


def test_sampling_is_that_of_the_reference():
    arrays = golden("distill/few_step")
    objective = part(OBJECTIVES, "flow", shift=5.0)
    module = OBJECTIVES.load("flow", "objective")
    flow = module.build(module.Options.model_validate(objective.options))
    sigma = torch.arange(1, 1001, dtype=torch.float64) / 1000
    sigma = 5 * sigma / (1 + 4 * sigma)
    table = torch.stack([1 - sigma, sigma])
    flow.table = torch.cat([table, torch.tensor([[1.0], [0.0]])], 1)
    timesteps = FOUR.timesteps(4)
    torch.testing.assert_close(sigma[timesteps[:-1]], arrays("cm_levels"))
    start = arrays("cm_start")  # [B, F, C, h, w], whose frames the stand-in does not mix
    frames = start.shape[1]
    fresh = arrays("cm_fresh")
    found = sample(
        Velocity(arrays("cm_student"), sigma),
        flow,
        sampling("consistency").sampler.matrix(frames, 0, timesteps),
        start,
        None,
        renew=lambda frame, step: fresh[step - 1][:, frame : frame + 1],
    )
    torch.testing.assert_close(found, arrays("cm_clean"), rtol=0, atol=1e-12)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("history_len", [1, 3])
def test_stepped_streamed_and_searched_a_rollout_is_the_same(cache, generator, history_len, causal):
    # Frames of a window that is not causal would see those that are not there yet.
    how = sampling("consistency", steps=2, generate=None if causal else 1)
    model = student_of(cache, causal=causal)
    history, actions, _ = rollout_inputs(model, generator, history_len, 7)
    noise = ClipNoise(3, [0, 1], model.spec.latent_shape, stabilised=False)
    streamed = torch.cat([*model.stream(history, actions, noise, how)], 1)
    stepper, scaled = model.stepper(how), model.model_actions(actions)
    window = stepper.begin(history, scaled[:, : history_len - 1])
    for index in range(history_len - 1, scaled.shape[1]):
        window = stepper.step(window, scaled[:, index], noise)
        assert torch.equal(window.frames[:, -1], streamed[:, index - history_len + 1])
    if not causal:
        return
    drawn = how.noise(2, history_len, 7, model.spec.latent_shape, generator)
    whole = model.rollout(history, actions, drawn, how)
    assert not torch.equal(whole, streamed)
    past, ahead = actions[:, : history_len - 1], actions[:, history_len - 1 :]
    candidates = ahead[:, None].expand(-1, 3, -1, -1, -1)
    futures = Futures(model, history, past).rollout(candidates, drawn, how, rows=4)
    torch.testing.assert_close(futures[:, 2], whole, rtol=1e-4, atol=1e-4)


def test_fresh_noise_matters_and_one_step_needs_none(cache, generator):
    model = student_of(cache)
    history, actions, _ = rollout_inputs(model, generator)
    two, one = (sampling("consistency", steps=steps) for steps in (2, 1))
    noise = two.noise(2, 1, 3, model.spec.latent_shape, generator)
    assert noise.fresh is not None
    other = replace(noise, fresh=-noise.fresh)
    before, after = (model.rollout(history, actions, each, two) for each in (noise, other))
    assert not torch.equal(before, after)
    alone = model.rollout(history, actions, replace(noise, fresh=None), one)
    assert torch.equal(alone, model.rollout(history, actions, other, one))
    with pytest.raises(ValueError, match=r"draw it with Sampling\.noise"):
        model.rollout(history, actions, replace(noise, fresh=None), two)


@pytest.mark.parametrize(
    ("steps", "levels"), [(1, [999]), (2, [999, 499]), (3, [999, 749, 499]), (4, FOUR.levels)]
)
def test_fewer_steps_begin_at_pure_noise_all_the_same(steps, levels):
    assert FOUR.timesteps(steps).tolist() == [*levels, -1]


def test_a_student_is_never_sampled_in_another_way(cache, generator):
    model = student_of(cache)
    inputs = rollout_inputs(model, generator)
    for how, said in (
        (sampling(steps=4), "is a student of 4 steps, by consistency.*choose sampler: consistency"),
        (sampling("consistency", steps=5), "steps = 5.*choose at most 4"),
        (sampling("consistency", steps=2, eta=0.5), "eta = 0.5.*set it to 0"),
    ):
        with pytest.raises(ParamsError, match=said):
            model.rollout(*inputs, how)
        with pytest.raises(ParamsError, match=said):
            model.stepper(how)
    assert model.sampling().sampler.renoises
    assert model.sampling().options.steps == 4
    assert isinstance(model.own(sampling("consistency", steps=2)), Sampling)


def test_it_is_saved_with_its_levels_and_parents(cache, tmp_path):
    student_of(cache).save_pretrained(tmp_path / "student")
    assert WorldModel.from_pretrained(tmp_path / "student").config.student == FOUR
    assert "distilled" in (tmp_path / "student" / "README.md").read_text()
    config = tmp_path / "student" / "config.json"
    for levels in ("2000", "-3", ""):
        config.write_text(config.read_text().replace("999,", f"{levels},"))
        with pytest.raises(DataError, match=r"config\.json"):
            WorldModel.from_pretrained(tmp_path / "student")
