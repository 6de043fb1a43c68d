"""The same latents: read from a cache, and made of the frames whenever they are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.encode.runner import Runner
from pipeline.encoders import Encoder, Posterior
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.spec import LatentSpec
from pipeline.tools.bench import Caching
from pipeline.tools.bench.encode_cases import Case
from pipeline.tools.bench.loader_data import Columns, sealed
from pipeline.tools.parity.latent_spec import latent_spec

CHUNK = 8
"""Frames that are encoded at once for the cache."""


@dataclass(frozen=True)
class Encoding(LatentCache):
    """A cache whose latents are encoded anew from frames uint8 [M, 3, H, W] at every reading."""

    pixels: Tensor
    encode: Callable[[Tensor], Posterior]

    def sample(self, rows: NDArray[np.int64], noise: Tensor | None) -> Tensor:
        """See `LatentCache.sample`."""
        raw = self.encode(self.pixels[torch.from_numpy(rows.reshape(-1))])
        shape = (*rows.shape, *self.spec.latent_shape)
        if noise is None or raw.std is None:
            return self.spec.whiten(raw.mean.view(shape))
        return self.spec.whiten(raw.mean.view(shape) + noise * raw.std.view(shape))


def recorded(setting: Caching) -> Tensor:
    """Random frames uint8 [N, 3, H, W] of one episode, with one window for each of a batch."""
    length = setting.batch + setting.frames - 1
    shape = (length, 3, setting.pixels, setting.pixels)
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def caches(
    path: Path, setting: Caching, case: Case, runner: Runner
) -> tuple[Encoding, Encoding, LatentCache]:
    """Caches of the same frames: two encode at every reading, by the library and as we do.

    The third lies in the files at `path`.
    """
    pixels = recorded(setting)

    def encoded(start: int, stop: int) -> Columns:
        raws = list(runner.run(iter(pixels[start:stop].split(CHUNK))))
        spreads = [raw.std for raw in raws if raw.std is not None]
        parts = {"mean": torch.cat([raw.mean for raw in raws]), "std": torch.cat(spreads)}
        return {name: part.half().numpy() for name, part in parts.items()}

    rng = np.random.default_rng(0)
    actions = rng.standard_normal((len(pixels), setting.action_dim), np.float32)
    read = open_cache(sealed(path, _spec(setting, case.encoder), [actions], encoded))
    place = (read.path, read.seal, read.store)
    plain = case.on(runner.device)
    return (
        Encoding(*place, pixels, lambda frames: Posterior(*plain(frames).unbind(1))),
        Encoding(*place, pixels, runner.encode),
        read,
    )


def _spec(setting: Caching, encoder: Encoder) -> LatentSpec:
    """Latents that are scaled as the encoder's authors do."""
    channels, width = setting.latent[0], setting.action_dim
    actions = {"mean": [0.0] * width, "std": [1.0] * width}
    changes = {
        "latent_shape": setting.latent,
        "stochastic": encoder.stochastic,
        "published_scale": encoder.published_scale,
    }
    spec = latent_spec([1.0] * channels, actions).model_copy(update=changes)
    return spec.as_published()
