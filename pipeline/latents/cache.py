"""Reading the latent cache: every frame encoded once, in sharded zarr v3, sealed with a LatentSpec.

Arrays of a store of N frames of which M have latents (M = N if encode.stride is 1):
mean and (for a stochastic encoder) std [M, C, h, w] in float16, or in int8 with mean_scale and
std_scale float32 [M, C]; actions float32 [N, A], states float32 [N, S] and, where they are known,
cameras float32 [N, 16]. Episodes follow each other,
those that train first.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import DataError
from pipeline.files.content import parsing
from pipeline.latents.mapped_rows import REMEDY, Rows
from pipeline.latents.metadata import METADATA, check_array, read_seal
from pipeline.latents.quantize import SCALE, dequantize
from pipeline.latents.spec import LatentSpec, Seal

LARGE_ROW = 2**16
"""Bytes of the mean of a frame from which batches of them are whitened frame by frame."""


@dataclass(frozen=True)
class LatentCache:
    """A sealed store for reading; latents are memory-mapped, the rest is loaded at first use."""

    path: Path
    seal: Seal
    store: zarr.Group
    gives_cameras: bool = field(default=False, kw_only=True)
    """Whether windows have the camera's motion beside actions; see `whitened_by`."""

    @property
    def spec(self) -> LatentSpec:
        """Shape, statistics and origin of the latents."""
        return self.seal.spec

    @cached_property
    def mean(self) -> Rows:
        """Mean of the raw posterior as it is stored, float16 or int8 [M, C, h, w]."""
        return self._rows("mean")

    @cached_property
    def std(self) -> Rows:
        """Std of the posterior, float16 or int8 [M, C, h, w]; only for a stochastic encoder."""
        return self._rows("std")

    @cached_property
    def mean_scale(self) -> NDArray[np.float32] | None:
        """Scale of each channel of `mean`, float32 [M, C]; None unless it is stored in int8."""
        return self._scale("mean")

    @cached_property
    def std_scale(self) -> NDArray[np.float32] | None:
        """Scale of each channel of `std`, float32 [M, C]; None unless it is stored in int8."""
        return self._scale("std")

    @cached_property
    def actions(self) -> NDArray[np.float32]:
        """Actions float32 [N, A] in the world's units."""
        return self._read("actions")

    @cached_property
    def states(self) -> NDArray[np.float32]:
        """States float32 [N, S]."""
        return self._read("states")

    @cached_property
    def cameras(self) -> NDArray[np.float32]:
        """Cameras float32 [N, 16], as `pipeline.latents.cameras` says; if all are known."""
        return self._read("cameras")

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first frame of every episode, [E]."""
        return _starts([episode.length for episode in self.seal.episodes])

    @cached_property
    def latent_starts(self) -> NDArray[np.int64]:
        """Index of the first latent of every episode, [E]."""
        return _starts([self.spec.num_latents(episode.length) for episode in self.seal.episodes])

    def episodes(self, split: str) -> list[int]:
        """Indices of the episodes of a split, ascending."""
        return [i for i, episode in enumerate(self.seal.episodes) if episode.split == split]

    def require_like(self, spec: LatentSpec) -> None:
        """Check that these latents are like those that a model was trained on.

        Raises:
            DataError: they are of another encoder, data set or shape.
        """
        if difference := spec.differs(self.spec):
            field, ours, theirs = difference
            raise DataError(
                f"{self.path}: its {field} is {theirs}, the world model was trained on "
                f"{field} {ours}; run `dvc repro` to bring them together"
            )

    def whitened_by(self, spec: LatentSpec) -> "LatentCache":
        """This cache, but whitened by a model's own spec, as imported models need it.

        Windows of it have cameras if the model is conditioned by them.

        Raises:
            DataError: they are not known.
        """
        if spec.camera_scale is not None and self.spec.camera_scale is None:
            raise DataError(
                f"{self.path}: has no cameras, by which the world model is conditioned; encode "
                "shards with cameras, or train one with `camera: none`"
            )
        form = {"storage": self.spec.storage, "stride": self.spec.stride}
        changed = spec.model_copy(update=form)
        seal = self.seal.model_copy(update={"spec": changed})
        return replace(self, seal=seal, gives_cameras=spec.camera_scale is not None)

    def latents(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Tensor:
        """Whitened latents float32 [*rows.shape, C, h, w].

        Args:
            rows: indices into the latents of the store.
            generator: draws a new sample of each posterior; None takes the posterior's mean.
        """
        shape = (*rows.shape, *self.spec.latent_shape)
        stochastic = generator is not None and self.spec.stochastic
        return self.sample(rows, torch.randn(shape, generator=generator) if stochastic else None)

    def sample(self, rows: NDArray[np.int64], noise: Tensor | None) -> Tensor:
        """Whitened latents float32 [*rows.shape, C, h, w], mean + std * noise.

        Args:
            rows: indices into the latents of the store.
            noise: standard normal, of the shape of the result; it is overwritten. None takes the
                posterior's mean.
        """
        if noise is None and self._is_large:
            return self._large(rows)
        mean = _dequantized(rows, self.mean, self.mean_scale)
        if noise is None:
            return self.spec.whiten_(mean)
        std = _dequantized(rows, self.std, self.std_scale)
        return self.spec.whiten_(noise.mul_(std).add_(mean))

    @cached_property
    def _is_large(self) -> bool:
        return self.mean.mapped and self.mean.row_bytes >= LARGE_ROW and self.spec.storage != "int8"

    def _large(self, rows: NDArray[np.int64]) -> Tensor:
        """Whitened means, bit for bit, each whitened before it leaves the processor's cache."""
        latents = torch.empty(*rows.shape, *self.spec.latent_shape)
        mean, std = self.spec.moments(latents)
        stored = self.mean.one_by_one(rows.reshape(-1))
        for latent, row in zip(latents.flatten(0, rows.ndim - 1), stored, strict=True):
            latent.copy_(row).sub_(mean).div_(std)
        return latents

    def _scale(self, name: str) -> NDArray[np.float32] | None:
        scale: NDArray[np.float32] | None
        scale = self._read(f"{name}{SCALE}") if self.spec.storage == "int8" else None
        return scale

    def _rows(self, name: str) -> Rows:
        return Rows(self.path, cast("zarr.Array[Any]", self.store[name]))

    def _read(self, name: str) -> Any:
        with parsing(f"{self.path}/{name}", REMEDY):
            return self.store[name][:]  # type: ignore[index]


def _starts(lengths: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def _dequantized(
    rows: NDArray[np.int64], stored: Rows, scale: NDArray[np.float32] | None
) -> Tensor:
    return dequantize(stored[rows], None if scale is None else scale[rows])


def open_cache(path: Path) -> LatentCache:
    """Open a store that encode has sealed.

    Raises:
        DataError: there is none, it is not sealed, or its arrays do not match the seal.
    """
    if not (path / METADATA).is_file():
        raise DataError(f"{path}: there is no latent cache; run `dvc repro encode` to write one")
    seal = read_seal(path, REMEDY)
    frames = sum(episode.length for episode in seal.episodes)
    latents = sum(seal.spec.num_latents(episode.length) for episode in seal.episodes)
    for name, column in seal.spec.columns().items():
        check_array(path / name, latents if column.strided else frames, column, REMEDY)
    with parsing(path, REMEDY):
        store = zarr.open_group(path, mode="r", use_consolidated=False)
        for name in seal.spec.columns():
            assert isinstance(store[name], zarr.Array)
    return LatentCache(path, seal, store)
