"""How far apart frames are that have nothing to do with each other, by the error of a measure."""

import torch

from pipeline.latents.cache import LatentCache
from pipeline.latents.split_rows import split_rows
from pipeline.plan.measure import Measure

FRAMES = 256


def mean_error_apart(cache: LatentCache, measure: Measure, seed: int) -> float:
    """Mean error between training frames drawn at random, each beside the next.

    Latents of two encoders, or of two fits of one, differ in how much of their variance is that of
    what moves, so that the same error says little about one of them and much about the other.

    Args:
        cache: whitened as the model is.
        measure: whose error it is.
        seed: of the draw.
    """
    rows = split_rows(cache, "train").latents
    drawn = torch.randint(len(rows), (FRAMES,), generator=torch.Generator().manual_seed(seed))
    features = measure.of_latents(cache.latents(rows[drawn.numpy()], None))
    return float(measure.error(features[:, None], features.roll(1, 0)[:, None]).mean())
