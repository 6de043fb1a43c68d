"""The same latents twice: read from a cache, and encoded from frames at every access."""

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
from pipeline.tools.bench.loader_data import Columns, write_cache
from pipeline.tools.parity.latent_spec import latent_spec

CHUNK = 8
"""Frames a batch when the cache is written."""


@dataclass(frozen=True)
class EncodingCache(LatentCache):
    """A cache that encodes its frames, uint8 [M, 3, H, W], at every access."""

    pixels: Tensor
    encode: Callable[[Tensor], Posterior]

    def sample(self, rows: NDArray[np.int64], noise: Tensor | None) -> Tensor:
        """Posterior samples, as `LatentCache.sample`."""
        raw = self.encode(self.pixels[torch.from_numpy(rows.reshape(-1))])
        shape = (*rows.shape, *self.spec.latent_shape)
        if noise is None or raw.std is None:
            return self.spec.whiten(raw.mean.view(shape))
        return self.spec.whiten(raw.mean.view(shape) + noise * raw.std.view(shape))


def random_frames(setting: Caching) -> Tensor:
    """Random frames uint8 [N, 3, H, W] of one episode, with as many windows as a batch holds."""
    length = setting.batch + setting.frames - 1
    shape = (length, 3, setting.pixels, setting.pixels)
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def caches(
    path: Path, setting: Caching, case: Case, runner: Runner
) -> tuple[EncodingCache, EncodingCache, LatentCache]:
    """Caches of the same frames: encoding by the library, encoding by our runner, and on disk.

    The third is written to `path`.
    """
    pixels = random_frames(setting)

    def encoded(start: int, stop: int) -> Columns:
        raws = list(runner.run(iter(pixels[start:stop].split(CHUNK))))
        stds = [raw.std for raw in raws if raw.std is not None]
        parts = {"mean": torch.cat([raw.mean for raw in raws]), "std": torch.cat(stds)}
        return {name: part.half().numpy() for name, part in parts.items()}

    rng = np.random.default_rng(0)
    actions = rng.standard_normal((len(pixels), setting.action_dim), np.float32)
    read = open_cache(write_cache(path, _spec(setting, case.encoder), [actions], encoded))
    place = (read.path, read.seal, read.store)
    plain = case.on(runner.device)
    return (
        EncodingCache(*place, pixels, lambda frames: Posterior(*plain(frames).unbind(1))),
        EncodingCache(*place, pixels, runner.encode),
        read,
    )


def _spec(setting: Caching, encoder: Encoder) -> LatentSpec:
    """Spec of latents scaled by the factor of the encoder's authors."""
    channels, width = setting.latent[0], setting.action_dim
    actions = {"mean": [0.0] * width, "std": [1.0] * width}
    changes = {
        "latent_shape": setting.latent,
        "stochastic": encoder.stochastic,
        "published_scale": encoder.published_scale,
    }
    spec = latent_spec([1.0] * channels, actions).model_copy(update=changes)
    return spec.as_published()
