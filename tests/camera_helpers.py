"""Episodes whose cameras are known, and a latent cache of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from encode_helpers import encoded
from helpers import make_episode
from ingest_helpers import ingested

from pipeline.encoders import Encoder, Posterior
from pipeline.episodes.cameras import Cameras, looking
from pipeline.episodes.episode import Episode
from pipeline.latents.cache import LatentCache, open_cache

SIZE = 16, 32
"""Height and width of the recorded frames."""


def walk(
    length: int, seed: int = 0, origin: Sequence[float] = (0, 0, 0), zoom: float = 0.5
) -> Cameras:
    """Cameras that move by about 0.3 a frame and turn, and zoom in."""
    rng = np.random.default_rng(seed)
    eyes = np.asarray(origin) + rng.normal(0, 0.2, (length, 3)).cumsum(0)
    angles = rng.normal(0, 0.1, (length, 2)).cumsum(0)
    poses = np.stack([looking(eye, *turn) for eye, turn in zip(eyes, angles, strict=True)])
    focal = 20 + zoom * np.arange(length)
    return Cameras(np.stack([focal, focal, 0 * focal + 15, 0 * focal + 7], -1), poses)


class Means(Encoder):
    """Block means."""

    stochastic = False
    published_scale = None

    def to(self, device: torch.device) -> "Means":
        return self

    def encode(self, frames: torch.Tensor) -> Posterior:
        return Posterior(torch.nn.functional.avg_pool2d(frames.float(), 4) / 255, None)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        wide = latents.repeat_interleave(4, 2).repeat_interleave(4, 3)
        return (wide.clamp(0, 1) * 255).to(torch.uint8)


def filmed(number: int, known: bool = True) -> Episode:
    """An episode of frames 16 x 32, with or without its cameras."""
    episode = make_episode(f"episode_{number}", length=20 + number)
    frames = np.concatenate([episode.frames, episode.frames], 2)
    return replace(episode, frames=frames, cameras=walk(len(frames), number) if known else None)


def cached(folder: Path, episodes: Sequence[Episode]) -> LatentCache:
    """A cache, beside its shards; models see frames 12 x 16."""
    ingested(episodes, folder / "shards", train_share=0.7, resolution=(12, 16))
    encoded(folder / "shards", Means, folder / "latents.zarr")
    return open_cache(folder / "latents.zarr")
