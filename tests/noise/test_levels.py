"""Noise levels of training have their distributions, and prefixes are clean."""

import pytest
import torch

from pipeline.noise import Levels
from pipeline.noise.levels import CLEAN, draw_levels


def levels(**changes):
    defaults = {"distribution": "uniform", "mean": 0, "std": 1, "per": "frame", "prefix": 0}
    return Levels.model_validate({**defaults, **changes})


def test_levels_are_uniform_and_prefixes_clean(generator):
    drawn = draw_levels(levels(prefix=0.5), 20000, 4, 1000, generator)
    clean = drawn == CLEAN
    assert float(clean[:, 0].float().mean()) == pytest.approx(0.5, abs=0.02)
    assert not clean[:, -1].any()
    assert (clean[:, :-1].long().diff(dim=1) <= 0).all()
    lengths = clean.sum(1)[clean[:, 0]]
    for length in (1, 2, 3):
        assert float((lengths == length).float().mean()) == pytest.approx(1 / 3, abs=0.02)
    noisy = drawn[~clean].float()
    assert float(noisy.mean()) == pytest.approx(499.5, abs=6)
    assert float(noisy.std()) == pytest.approx(1000 / 12**0.5, abs=6)
    independent = drawn[~clean[:, 0]].float().T.corrcoef()
    assert float((independent - torch.eye(4)).abs().max()) < 0.05


def test_without_prefixes_every_frame_is_noisy(generator):
    assert (draw_levels(levels(), 100, 4, 1000, generator) >= 0).all()


def test_logit_normal_levels_have_the_published_distribution(generator):
    drawn = draw_levels(levels(distribution="logit_normal"), 100_000, 4, 1000, generator)
    shares = [float((drawn < count).float().mean()) for count in (119, 269, 500, 731, 881)]
    expected = [0.02275, 0.1587, 0.5, 0.8413, 0.97725]  # sigmoid of -2, -1, 0, 1, 2
    assert shares == pytest.approx(expected, abs=0.004)
    # Levels next to clean, at which sampling ends, are hardly ever drawn.
    assert float((drawn <= 20).float().mean()) < 3e-4
    assert (drawn.min(), drawn.max()) >= (0, 0)
    assert drawn.max() <= 999


def test_one_level_a_clip_is_shared_by_its_frames(generator):
    drawn = draw_levels(levels(per="clip"), 500, 4, 1000, generator)
    assert (drawn == drawn[:, :1]).all()
    assert drawn.unique().numel() > 300
