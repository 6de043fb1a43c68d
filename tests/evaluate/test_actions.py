"""Action sensitivity of models whose answer to an action is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from train_helpers import sampling, world_model

from pipeline.encoders import Encoder
from pipeline.episodes.resize import Preprocessing
from pipeline.evaluate import actions, evaluate
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.metrics import frames as frame_metrics

VIEW = Preprocessing(height=16, width=16, antialias=False)


class Answers:
    """Every value of the last latent is 1 + the mean of the actions; the truth is 1 + that."""

    def __init__(self, spec):
        self.spec = spec
        self.received = []

    def rollout(self, history, actions, noise, sampling):
        self.received.append(actions)
        latents = torch.ones_like(history[:, :1]).expand(-1, actions.shape[1], -1, -1, -1)
        return latents + actions.mean((1, 2, 3))[:, None, None, None, None]

    def embed_actions(self, actions):
        return torch.tensor([3.0, -4.0]).expand(*actions.shape[:2], 2)


class Blind(Encoder):
    """Draws black frames, at once."""

    def decode(self, latents):
        return torch.zeros(len(latents), 3, 16, 16, dtype=torch.uint8)


@pytest.fixture
def spec(cache):
    """Raw latents are half of whitened ones, the authors would take them times four."""
    bounds = {"mean": [0.0] * 2, "std": [1.0] * 2, "min": [2.0, -1.0], "max": [4.0, -1.0]}
    return cache.spec.model_copy(
        update={"mean": [0.0] * 3, "std": [0.5] * 3, "published_scale": 4.0, "actions": bounds}
    )


@pytest.fixture
def clips(generator):
    """Six clips of four frames: all ones, but the last frame is 1 + the mean action."""
    taken = torch.randn(6, 4, 2, 2, generator=generator)
    latents = torch.ones(6, 4, 3, 4, 4)
    latents[:, -1] += taken[:, :-1].mean((1, 2, 3))[:, None, None, None]
    frames, states = (
        torch.zeros(6, 4, 3, 16, 16, dtype=torch.uint8),
        np.zeros((6, 4, 0), np.float32),
    )
    return Clips(latents, taken, frames, VIEW, states, ({},) * 6)


@pytest.fixture
def evaluator(spec):
    plain = frame_metrics.build((), torch.device("cpu"))
    return Evaluator(Answers(spec), Blind(), sampling(steps=2), 1, spec, plain)


def sensitivity(evaluator, clips, batch=4):
    generator = torch.Generator().manual_seed(3)
    evaluation = evaluate.evaluate(evaluator, clips, batch, generator)
    return actions.sensitivity(evaluator, clips, evaluation.last_latents)


def test_the_errors_are_those_of_the_known_answers(evaluator, clips):
    metrics = sensitivity(evaluator, clips)
    means = clips.actions[:, :-1].mean((1, 2, 3)).double()
    assert metrics.mse.true == pytest.approx(0, abs=1e-12)
    for still in ("start", "zero"):
        assert getattr(metrics.mse, still) == pytest.approx(float(means.square().mean()), rel=1e-6)
    random = torch.cat(evaluator.model.received[3::4]).mean((1, 2, 3)).double()
    expected = float((random - means).square().mean())
    assert metrics.mse.random == pytest.approx(expected, rel=1e-6)
    assert metrics.mse.random > metrics.mse.zero
    # All are constant images: they point the same way, or the opposite one.
    opposite = float(((1 + means) < 0).double().mean()) * 2
    assert metrics.cosine.zero == pytest.approx(opposite, abs=1e-9)
    assert metrics.clips == 6


def test_published_errors_are_in_the_units_of_the_encoders_authors(evaluator, clips):
    """A whitened 1 is a raw 0.5, which the authors make a 2."""
    metrics = sensitivity(evaluator, clips)
    for name, mse in metrics.mse:
        assert getattr(metrics.published.mse, name) == pytest.approx(4 * mse, abs=1e-9)
    for name, cosine in metrics.cosine:
        assert getattr(metrics.published.cosine, name) == pytest.approx(cosine, abs=1e-9)


def test_a_right_angle_is_a_cosine_distance_of_one():
    square = torch.tensor([[1.0, 0.0], [1.0, 1.0]])[:, :, None, None]
    generated = dict.fromkeys(("start", "true", "zero", "random"), square)
    truth = torch.tensor([[0.0, 2.0], [2.0, 2.0]])[:, :, None, None]
    errors = actions.errors(generated, truth, torch.Tensor.double)
    assert errors.cosine.true == pytest.approx((1 + 0) / 2)
    assert errors.mse.true == pytest.approx((2.5 + 1) / 2)


def test_random_actions_fill_the_recorded_range_and_never_leave_it(evaluator, clips):
    sensitivity(evaluator, clips)
    random = torch.cat(evaluator.model.received[3::4])
    assert random.shape == clips.actions[:, :-1].shape
    assert ((random[..., 0] >= 2) & (random[..., 0] <= 4)).all()
    assert (random[..., 1] == -1).all()
    assert random[..., 0].std() == pytest.approx(2 / 12**0.5, rel=0.2)


def test_random_actions_draw_nothing_that_other_conditions_draw(evaluator, clips, spec):
    """Also where steps are stochastic: three conditions draw, in each of two batches."""

    class Drawing(Answers):
        def rollout(self, history, actions, noise, sampling):
            torch.randn(1, generator=noise.generators[0])
            return super().rollout(history, actions, noise, sampling)

    generator, expected = (torch.Generator().manual_seed(0) for _ in range(2))
    drawing = replace(evaluator, model=Drawing(spec))
    evaluate.evaluate(drawing, clips, 4, generator)
    torch.randperm(6, generator=expected)
    drawing.noise(clips, expected)
    for _ in range(3 * 2):
        torch.randn(1, generator=expected)
    assert torch.equal(generator.get_state(), expected.get_state())


def test_the_embedding_is_that_of_the_actions_that_are_used(evaluator, clips):
    assert sensitivity(evaluator, clips).embedding_rms == pytest.approx(((9 + 16) / 2) ** 0.5)


def test_the_embedding_of_a_world_model_is_its_networks(cache, clips):
    model = world_model(cache)
    fed = model.model_actions(clips.actions)
    assert torch.equal(model.embed_actions(clips.actions), model.denoiser.action_embedder(fed))
    assert model.embed_actions(clips.actions).shape == (6, 4, 32)


def test_a_model_without_actions_has_no_embedding(evaluator, cache, clips):
    unconditioned = world_model(cache, injection="none")
    assert unconditioned.embed_actions(clips.actions) is None
    changed = replace(evaluator, model=evaluator.model)
    changed.model.embed_actions = unconditioned.embed_actions
    metrics = sensitivity(changed, clips)
    assert metrics.embedding_rms is None


def test_the_table_says_whose_latents_they_were_and_how_the_model_whitened_them(
    evaluator, clips, spec
):
    metrics = sensitivity(evaluator, clips)
    assert (metrics.latent, metrics.whitening) == ("patch_pca", "channel")
    evaluator.model.spec = spec.as_published()
    assert sensitivity(evaluator, clips).whitening == "none"
