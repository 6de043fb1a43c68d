"""Masked latent prediction: what is hidden stays hidden, and what is learned is kept."""

import copy

import numpy as np
import pytest
import torch
from helpers import default
from torch import nn

from pipeline import encoders
from pipeline.encoders import ENCODERS, tiny_jepa
from pipeline.encoders._shared import tiny_codec as _tiny_codec
from pipeline.encoders._shared.pixels import to_float
from pipeline.encoders.tiny_jepa import networks as _jepa
from pipeline.errors import ParamsError
from pipeline.latents.health import measure_health

SMALL = {
    "width": 32, "depth": 1, "heads": 2, "channels": 8, "steps": 40, "batch": 16,
    "decoder": {"channels": [8, 8], "steps": 4, "batch": 4, "learning_rate": 1.0e-3},
}  # fmt: skip


def small(**changes):
    return default(ENCODERS, "tiny_jepa", **{**SMALL, **changes})[1]


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    frames = np.full((64, 3, 32, 32), 60, np.uint8)
    for frame in frames:
        x, y = rng.integers(0, 24, 2)
        frame[:, y : y + 8, x : x + 8] = 200
    return torch.from_numpy(frames)


@pytest.fixture
def jepa():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        jepa = _jepa.Jepa(small())
        # Apart from the context encoder, so that the two are never mistaken for each other.
        jepa.target = copy.deepcopy(_jepa.Jepa(small()).target)
    return jepa


def test_a_block_is_a_rectangle_of_its_share_and_aspect(monkeypatch, generator):
    monkeypatch.setattr(_jepa, "BLOCKS", 1)
    for _ in range(200):
        hidden = _jepa.block_mask((40, 60), generator)
        height, width = int(hidden.any(1).sum()), int(hidden.any(0).sum())
        assert hidden.sum() == height * width
        assert 0.14 <= height * width / 2400 <= 0.2
        assert 0.65 <= height / width <= 1.6


@pytest.mark.parametrize("grid", [(3, 3), (3, 20), (4, 4), (5, 4), (8, 8), (10, 18)])
def test_something_is_always_hidden_and_a_fifth_never_is(grid, generator):
    often = torch.zeros(grid)
    for _ in range(500):
        hidden = _jepa.block_mask(grid, generator)
        assert hidden.shape == grid
        assert hidden.any()
        assert (~hidden).float().mean() > 0.2 - 1e-6
        often += hidden
    assert (often > 0).all()


def test_hidden_pixels_change_neither_tokens_nor_predictions(jepa, frames, generator):
    hidden = _jepa.block_mask((4, 4), generator)
    pixels = to_float(frames[:4])
    behind = hidden.repeat_interleave(8, 0).repeat_interleave(8, 1)
    noise = torch.rand(pixels.shape, generator=generator)
    seen, predicted = jepa(pixels, hidden)
    others = jepa(torch.where(behind, noise, pixels), hidden)
    assert torch.equal(others[0], seen)
    assert torch.equal(others[1], predicted)
    seen_changed, predicted_changed = jepa(torch.where(behind, pixels, noise), hidden)
    assert not torch.isclose(seen_changed, seen).all(-1).any()
    assert not torch.isclose(predicted_changed, predicted).all(-1).any()


def test_a_prediction_is_for_its_place(jepa, frames):
    hidden = torch.zeros(4, 4, dtype=torch.bool)
    hidden[1, 1:3] = True
    _, predicted = jepa(to_float(frames[:2]), hidden)
    assert predicted.shape == (2, 2, 32)
    assert (predicted[:, 0] - predicted[:, 1]).abs().mean() > 1e-3


def test_a_prediction_knows_where_what_it_sees_is(jepa, generator):
    hidden = _jepa.block_mask((4, 4), generator)
    tokens = torch.randn(2, int((~hidden).sum()), 32, generator=generator)
    predicted, mirrored = jepa.predictor(tokens, hidden), jepa.predictor(tokens.flip(1), hidden)
    assert (predicted - mirrored).abs().mean() > 1e-3


def test_targets_are_normed_tokens_of_the_whole_picture(jepa, frames):
    hidden = torch.zeros(4, 4, dtype=torch.bool)
    hidden[1, 1:3] = True
    pixels = to_float(frames[:2])
    jepa.target.norm.weight.data *= torch.linspace(1, 3, 32)
    tokens = jepa.target(pixels)[:, 5:7]
    centred = tokens - tokens.mean(-1, keepdim=True)
    expected = centred / centred.square().mean(-1, keepdim=True).sqrt()
    torch.testing.assert_close(jepa.targets(pixels, hidden), expected, atol=1e-3, rtol=1e-3)


def test_the_target_follows_the_context_encoder_and_learns_nothing_else(jepa, frames, generator):
    before = [p.clone() for p in jepa.target.parameters()]
    tiny_jepa.loss(
        jepa, to_float(frames[:4]), _jepa.block_mask((4, 4), generator), small()
    ).backward()
    assert all(p.grad is None for p in jepa.target.parameters())
    learned = [*jepa.context.parameters(), *jepa.predictor.parameters()]
    assert all(p.grad is not None for p in learned)
    jepa.update_target(0.75)
    for old, slow, fast in zip(
        before, jepa.target.parameters(), jepa.context.parameters(), strict=True
    ):
        torch.testing.assert_close(slow, 0.75 * old + 0.25 * fast)


def test_momentum_rises_to_one(monkeypatch, frames):
    momenta = []
    monkeypatch.setattr(
        _jepa.Jepa, "update_target", lambda self, momentum: momenta.append(momentum)
    )
    tiny_jepa.pretrain(frames, small(momentum=0.5, steps=4), 0)
    assert momenta == [0.5, 0.625, 0.75, 0.875]


def test_the_error_of_the_predictions_falls(frames, generator):
    hidden = _jepa.block_mask((4, 4), generator)
    options = small(momentum=1.0, variance=0.0, covariance=0.0, learning_rate=3e-3)
    errors = []
    for steps in (1, 40):
        jepa = tiny_jepa.pretrain(frames, options.model_copy(update={"steps": steps}), 0)
        errors.append(float(tiny_jepa.loss(jepa, to_float(frames), hidden, options).detach()))
    assert errors[1] < errors[0] / 2


def test_tokens_that_are_all_alike_fall_short_by_all():
    short, same = _jepa.vicreg_terms(torch.randn(1, 4, 6).expand(5, 4, 6))
    assert short == pytest.approx(0.99)
    assert same == pytest.approx(0)


def test_deviations_are_those_of_a_sample():
    short, _ = _jepa.vicreg_terms(torch.tensor([[[1.0, -1.0]]] * 3 + [[[-1.0, 1.0]]]))
    assert short == pytest.approx(0, abs=1e-4)  # 1, 1, 1, -1 deviate by 1 if divided by 3


def test_features_that_say_the_same_are_counted():
    tokens = torch.tensor([[[3.0, -3.0]], [[-3.0, 3.0]]])
    short, same = _jepa.vicreg_terms(tokens)
    assert short == pytest.approx(0)
    assert same == pytest.approx(1, abs=1e-4)  # covariances 1, -1, -1, 1


def test_the_weight_of_variance_keeps_frames_apart(frames):
    spread = []
    for weight in (0.0, 0.5):
        options = small(variance=weight, covariance=0.0, momentum=0.9, steps=60)
        target = tiny_jepa.pretrain(frames, options, 0).target
        spread.append(
            measure_health(_tiny_codec.fit_components(target, frames, 8).encode(frames)).std
        )
    assert spread[1] > 3 * spread[0]


def test_components_are_those_of_a_singular_value_decomposition(monkeypatch):
    class Colours(nn.Module):
        patch = 1

        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([1.0, 8.0, 3.0]))

        def forward(self, pixels):
            return (pixels + 1).flatten(2).transpose(1, 2) * self.scale

    monkeypatch.setattr(_tiny_codec, "BATCH", 7)
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (50, 3, 4, 6), np.uint8))
    latents = _tiny_codec.fit_components(Colours(), frames, 2).encode(frames)
    assert latents.shape == (50, 2, 4, 6)
    tokens = frames.permute(0, 2, 3, 1).numpy() / 127.5 * [1, 8, 3]
    rows = tokens.reshape(-1, 3) - tokens.reshape(-1, 3).mean(0)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    expected = (left * values)[:, :2]
    ours = latents.permute(0, 2, 3, 1).reshape(-1, 2).numpy()
    np.testing.assert_allclose(np.abs(ours), np.abs(expected), atol=2e-3)
    np.testing.assert_allclose(ours.var(0), values[:2] ** 2 / len(rows), rtol=1e-4)


def test_latents_are_components_of_the_target(frames):
    options = small(steps=3)
    encoder = tiny_jepa.fit(frames, options, seed=0)
    target = tiny_jepa.pretrain(frames, options, 0).target
    expected = _tiny_codec.fit_components(target, frames, 8).encode(frames)
    latents = encoder.encode(frames).mean
    assert torch.equal(latents, expected)
    variance = latents.var((0, 2, 3))
    assert (variance.diff() <= 0).all()
    rows = latents.permute(1, 0, 2, 3).flatten(1)
    correlation = torch.corrcoef(rows) - torch.eye(8)
    assert correlation.abs().max() < 0.01


def test_a_saved_encoder_is_the_same_and_so_is_one_of_the_same_seed(frames, tmp_path):
    options = small(steps=3)
    encoder = tiny_jepa.fit(frames, options, seed=1)
    for name, one in (("a", encoder), ("b", tiny_jepa.fit(frames, options, seed=1))):
        encoders.save(one, "tiny_jepa", options.model_dump(), tmp_path / name)
    assert encoders.digest(tmp_path / "a") == encoders.digest(tmp_path / "b")
    loaded = tiny_jepa.load(tmp_path / "a", options)
    latents = encoder.encode(frames).mean
    assert torch.equal(loaded.encode(frames).mean, latents)
    assert torch.equal(loaded.decode(latents[:4]), encoder.decode(latents[:4]))
    other = tiny_jepa.fit(frames, options, seed=2)
    assert not torch.equal(other.encode(frames).mean, latents)


def test_frames_of_too_few_patches_are_refused(frames):
    with pytest.raises(ParamsError, match=r"patch = 16 leaves 2 x 2 patches of a frame; choose"):
        tiny_jepa.fit(frames, small(patch=16), seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 40}, "width = 40 must be a multiple of 8 x heads"),
        ({"channels": 33}, "channels = 33 must not exceed width = 32"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)
