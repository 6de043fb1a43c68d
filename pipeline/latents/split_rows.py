"""The frames of a split that have latents, and how many of them a model frame is apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Frames that have latents, episode after episode, [M] each.

    Attributes:
        episodes: that they are of, as indices into all episodes of the cache.
        latents: rows of their latents in the cache.
        steps: rows of their actions and states in the cache.
        left: frames with latents that follow in the episode.
    """

    episodes: NDArray[np.int64]
    latents: NDArray[np.int64]
    steps: NDArray[np.int64]
    left: NDArray[np.int64]


def split_rows(cache: LatentCache, split: str) -> SplitRows:
    """The frames of a split, none of one without episodes."""
    chosen = np.array(cache.episodes(split), np.int64)
    lengths = [cache.spec.num_latents(cache.seal.episodes[episode].length) for episode in chosen]
    counts = np.array(lengths, np.int64)
    episodes = np.repeat(chosen, counts)
    within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return SplitRows(
        episodes,
        cache.latent_starts[episodes] + within,
        cache.starts[episodes] + within * cache.spec.stride,
        np.repeat(counts, counts) - 1 - within,
    )


def latents_apart(cache: LatentCache, interval: int) -> int:
    """Latents from one model frame to the next, `interval` environment steps later.

    Raises:
        ParamsError: encode.stride does not divide the frame interval.
    """
    if interval % cache.spec.stride:
        raise ParamsError(
            f"train.interval = {interval}, but {cache.path} holds the latents of one frame in "
            f"{cache.spec.stride} (encode.stride); choose a multiple of it, or an encode.stride "
            f"that divides {interval}"
        )
    return interval // cache.spec.stride
