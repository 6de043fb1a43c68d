"""Distribution matching: the reference's numbers, Gaussians, and where gradients go."""

from dataclasses import replace

import pytest
import torch
from distill_helpers import objective_of, with_sigmas
from helpers import golden
from rollout_helpers import randomised
from train_helpers import world_model

from pipeline.distill.dmd import estimate_of, matching_gradient
from pipeline.distill.self_rollout import Draws, self_rollout
from pipeline.trajectories.guided_steps import guided

LEVELS = (999, 499)


def test_the_gradient_is_that_of_the_reference():
    arrays = golden("distill/few_step")
    flow = with_sigmas(arrays("dmd_level")[None])
    clips, noise = arrays("dmd_generated"), arrays("dmd_noise")
    level = torch.zeros(clips.shape[:2], dtype=torch.int64)
    noisy = flow.noised(clips, noise, level)

    def estimate(under, free, guidance):
        """Of stand-ins whose clean frames are a x + b."""

        def run(actions):
            a, b = arrays(under if actions is not None else free)
            return (a * noisy + b - noisy) / flow.scales(level)[1]

        return flow.to_clean(guided(run, torch.zeros(1), guidance), noisy, level)

    # Their scale w means c + w (c - u): ours is 1 + w.
    scale = 1 + float(arrays("dmd_guidance"))
    real = estimate("dmd_real_conditional", "dmd_real_unconditional", scale)
    gradient = matching_gradient(clips, real, estimate("dmd_fake", "dmd_fake", 1.0))
    torch.testing.assert_close(gradient, arrays("dmd_gradient"), rtol=0, atol=1e-12)
    loss = 0.5 * (clips - (clips - gradient)).square().mean()
    assert float(loss) == pytest.approx(float(arrays("dmd_loss")), rel=1e-12)


def test_between_gaussians_it_points_along_the_gradient_of_their_divergence():
    """Of N(m, 1) to N(0, 1), noised: the scores differ by alpha m / (alpha^2 + sigma^2)."""
    flow, mean = objective_of("flow"), 0.8
    generator = torch.Generator().manual_seed(0)
    clips = mean + torch.randn((2, 3, 1, 2, 2), generator=generator, dtype=torch.float64)
    level = torch.full((2, 3), 400)
    alpha, sigma = flow.scales(level)
    noisy = flow.noised(clips, torch.randn_like(clips), level)

    def posterior(of):
        return of + alpha / (alpha**2 + sigma**2) * (noisy - alpha * of)

    def score(of):
        return -(noisy - alpha * of) / (alpha**2 + sigma**2)

    gradient = matching_gradient(clips, posterior(0.0), posterior(mean))
    divergence = score(mean) - score(0.0)  # of log p_student - log p_data
    ratio = gradient / divergence
    assert (ratio > 0).all()
    torch.testing.assert_close(ratio, ratio[:, :1, :1, :1, :1].expand_as(ratio))
    assert not matching_gradient(clips, posterior(mean), posterior(mean)).any()


def test_estimates_are_made_in_the_precision_of_training(cache, generator):
    model = randomised(world_model(cache))
    clean = torch.randn((2, 4, *model.spec.latent_shape), generator=generator)
    actions = torch.zeros(2, 4, model.config.interval * model.spec.action_dim)
    level, found = torch.full((2, 4), 500), []
    model.denoiser.register_forward_hook(lambda *_: found.append(torch.is_autocast_enabled("cpu")))
    for precision in ("float32", "bfloat16"):
        estimate = estimate_of(model, clean, level, actions, 1.0, precision)
        assert estimate.dtype == torch.float32
    assert found == [False, True]


def rolled_out(model, clean, actions, draws):
    return self_rollout(
        model.denoiser, model.denoiser, model.objective, LEVELS, clean, actions, draws
    )


@pytest.fixture
def student(cache):
    model = randomised(world_model(cache))
    model.denoiser.requires_grad_(True)
    return model


@pytest.fixture
def inputs(student, generator):
    clean = torch.randn((2, 4, *student.spec.latent_shape), generator=generator)
    width = student.config.interval * student.spec.action_dim
    return clean, torch.randn((2, 4, width), generator=generator)


@pytest.mark.parametrize("last", [0, 1])
def test_frames_are_those_computed_again_from_earlier_ones(student, inputs, generator, last):
    clean, actions = inputs
    draws = replace(Draws.of(generator, len(LEVELS), clean), last=last)
    found = rolled_out(student, clean, actions, draws)
    known = found.detach()
    frames = [clean[:, :1]]
    for place in range(1, 4):
        noisy = draws.noise[0][:, place : place + 1]
        for step in range(last + 1):
            window = torch.cat([known[:, :place], noisy], 1)
            level = torch.zeros(2, place + 1, dtype=torch.int64)
            level[:, -1] = LEVELS[step]
            output = student.denoiser(window, level, actions[:, : place + 1])[:, -1:]
            estimate = student.objective.to_clean(output, noisy, level[:, -1:])
            if step < last:
                after = torch.full((2, 1), LEVELS[step + 1])
                fresh = draws.noise[step + 1][:, place : place + 1]
                noisy = student.objective.noised(estimate, fresh, after)
        frames.append(estimate)
    expected = torch.cat(frames, 1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("last", [0, 1])
def test_gradients_reach_the_last_call_of_each_frame_alone(student, inputs, generator, last):
    clean, actions = (values.requires_grad_() for values in inputs)
    draws = replace(Draws.of(generator, len(LEVELS), clean), last=last)
    noise = draws.noise.detach().requires_grad_()
    found = rolled_out(student, clean, actions, replace(draws, noise=noise))
    for frame in (1, 3):
        wanted = (clean, noise, student.denoiser.x_embedder.proj.weight)
        of_clean, of_noise, of_weights = torch.autograd.grad(
            found[:, frame].square().sum(), wanted, retain_graph=True, allow_unused=True
        )
        assert not of_clean.any()
        reached = torch.zeros(len(LEVELS), 4, dtype=torch.bool)
        # The noise that this frame was last noised with; none that it only began with.
        reached[last, frame] = True
        assert torch.equal(of_noise.abs().sum((1, 3, 4, 5)) > 0, reached)
        assert of_weights.abs().sum() > 0


def test_all_frames_leave_after_the_same_step(student, inputs, generator):
    draws = [Draws.of(generator, 4, inputs[0]).last for _ in range(64)]
    assert set(draws) == {0, 1, 2, 3}
    one = replace(Draws.of(generator, len(LEVELS), inputs[0]), last=0)
    with torch.no_grad():
        without = rolled_out(student, *inputs, one)
    changed = replace(one, noise=torch.cat([one.noise[:1], -one.noise[1:]]))
    with torch.no_grad():
        assert torch.equal(rolled_out(student, *inputs, changed), without)
