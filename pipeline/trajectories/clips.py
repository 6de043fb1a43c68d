"""The clips of trajectories: a choice of windows, each with a draw of its own."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.world_model import WorldModel
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows, fixed_subset
from pipeline.train.data.shuffle import seeded_generator


def chosen_windows(cache: LatentCache, teacher: WorldModel, count: int, seed: int) -> Windows:
    """`count` windows of the train split, or all if there are fewer; row i is clip i."""
    config = teacher.config
    whitened = cache.whitened_by(teacher.spec)
    windows = Windows(whitened, "train", config.frames, config.interval, every=False)
    windows.rows = windows.rows[fixed_subset(len(windows), count, seed)]
    return windows


def draw(windows: Windows, clips: NDArray[np.int64], seed: int) -> tuple[Tensor, Tensor]:
    """Clean frames of clips [P] and the noise that their trajectories begin at.

    Both are [P, T, C, h, w], and functions of the seed and the number of the clip alone.
    """
    spec = windows.cache.spec
    shape = (2 if spec.stochastic else 1, windows.frames, *spec.latent_shape)
    generators = (seeded_generator(seed, "trajectory", int(clip)) for clip in clips)
    drawn = torch.stack([torch.randn(shape, generator=own) for own in generators], 1)
    posterior = drawn[1].clone() if spec.stochastic else None
    return windows.sample(clips, posterior), drawn[0]
