"""Reading the latent cache: every frame encoded once, in sharded zarr v3, sealed with a LatentSpec.

Arrays of a store of N frames: mean and (for a stochastic encoder) std float16 [N, C, h, w], actions
float32 [N, A], states float32 [N, S]. Episodes follow each other, those that train first.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from pipeline.errors import DataError
from pipeline.latent_rows import REMEDY, Rows
from pipeline.latents import SEAL, LatentSpec, Seal


@dataclass(frozen=True)
class LatentCache:
    """A sealed store, opened for reading; latents stay in its files, the rest is held in memory."""

    path: Path
    seal: Seal
    store: zarr.Group

    @property
    def spec(self) -> LatentSpec:
        """What the latents are."""
        return self.seal.spec

    @cached_property
    def mean(self) -> Rows:
        """Raw latents float16 [N, C, h, w]."""
        return self._rows("mean")

    @cached_property
    def std(self) -> Rows:
        """Spread of the posterior float16 [N, C, h, w]; only for a stochastic encoder."""
        return self._rows("std")

    @cached_property
    def actions(self) -> NDArray[np.float32]:
        """Actions float32 [N, A] in the world's units."""
        return self._read("actions")

    @cached_property
    def states(self) -> NDArray[np.float32]:
        """States float32 [N, S]."""
        return self._read("states")

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First frame of every episode, [E]."""
        lengths = [episode.length for episode in self.seal.episodes]
        return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)

    def of(self, split: str) -> list[int]:
        """The episodes of one split, in order."""
        return [i for i, episode in enumerate(self.seal.episodes) if episode.split == split]

    def whitened_by(self, spec: LatentSpec) -> "LatentCache":
        """The same frames, whitened as a model's own spec says: an imported one has its own way."""
        return replace(self, seal=self.seal.model_copy(update={"spec": spec}))

    def latents(self, frames: NDArray[np.int64], generator: torch.Generator | None) -> Tensor:
        """Whitened latents float32 [*frames.shape, C, h, w].

        Args:
            frames: indices into the store.
            generator: draws a new sample of each posterior; None takes the posterior's mean.
        """
        mean = torch.from_numpy(self.mean[frames]).float()
        if generator is None or not self.spec.stochastic:
            return self.spec.whiten_(mean)
        noise = torch.randn(mean.shape, generator=generator)
        return self.spec.whiten_(noise.mul_(torch.from_numpy(self.std[frames]).float()).add_(mean))

    def _rows(self, name: str) -> Rows:
        return Rows(self.path, cast("zarr.Array[Any]", self.store[name]))

    def _read(self, name: str) -> Any:
        try:
            return self.store[name][:]  # type: ignore[index]
        except (ValueError, RuntimeError, OSError) as error:
            raise DataError(f"{self.path}/{name}: damaged ({error}); {REMEDY}") from None


def open_cache(path: Path) -> LatentCache:
    """Open a store that encode has sealed.

    Raises:
        DataError: there is none, or it is unsealed, or its arrays do not fit the seal.
    """
    if not (path / "zarr.json").is_file():
        raise DataError(f"{path}: no latent cache there; run `dvc repro encode` to write one")
    try:
        store = zarr.open_group(path, mode="r")
        sealed = store.attrs.asdict().get(SEAL)
    except (ValueError, KeyError, OSError) as error:
        raise DataError(f"{path}/zarr.json: damaged ({error}); {REMEDY}") from None
    if sealed is None:
        raise DataError(f"{path}: not sealed, its encoding never finished; {REMEDY}")
    try:
        seal = Seal.model_validate(sealed)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: its seal is damaged at {first['loc']}; {REMEDY}") from None
    frames = sum(episode.length for episode in seal.episodes)
    for name, shape in seal.spec.array_shapes().items():
        found = store.get(name)
        if not isinstance(found, zarr.Array) or found.shape != (frames, *shape):
            raise DataError(f"{path}/{name}: missing or not {(frames, *shape)}; {REMEDY}")
        files = sum(file.is_file() for file in (path / name / "c").rglob("*"))
        expected = math.ceil(frames / (found.shards or found.chunks)[0])
        if files != expected:
            raise DataError(f"{path}/{name}: has {files} of {expected} shards; {REMEDY}")
    return LatentCache(path, seal, store)
