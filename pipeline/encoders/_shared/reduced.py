"""Features brought down: averaged over neighbours, and to where they vary most."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from pipeline.encoders._shared.semantic import Backbone
from pipeline.errors import ParamsError
from pipeline.params import Params

BATCH = 8
"""Frames whose features are held at once."""
FILE = "model.safetensors"
"""Where components are kept, with the network's own weights if the codec holds those."""
ROUNDING = 1e-12
"""Of the mean square of features, the share up to which a variance is rounding."""


class Reduction(Params):
    """How much is kept of features; base of the Options of every encoder with published ones."""

    pool: int = Field(gt=0, description="side of the squares of the grid averaged into one place")
    channels: int | None = Field(gt=0, description="principal components kept; null: all channels")


@dataclass(frozen=True, slots=True)
class Components:
    """Directions of largest variance, orthonormal.

    Attributes:
        mean: float32 [C] of the features.
        basis: float32 [K, C], the direction of the largest variance first.
    """

    mean: Tensor
    basis: Tensor

    def to(self, device: torch.device) -> "Components":
        """The same on a device."""
        return Components(self.mean.to(device), self.basis.to(device))

    def of(self, features: Tensor) -> Tensor:
        """Features [B, C, h, w] to their coefficients float32 [B, K, h, w].

        In float64, which autocast leaves alone: what is small is the difference of what is large.
        """
        tokens = rearrange(features.double(), "b c h w -> b (h w) c")
        found = ((tokens - self.mean) @ self.basis.double().T).float()
        return rearrange(found, "b (h w) k -> b k h w", h=features.shape[2]).contiguous()

    def tensors(self) -> dict[str, Tensor]:
        """By the names of `Components(...)`."""
        return {"mean": self.mean, "basis": self.basis}


class Reduced:
    """A backbone of which less is kept; see `pipeline.encoders._shared.semantic.Backbone`."""

    def __init__(self, whole: Backbone, pool: int, components: Components | None) -> None:
        """Average squares of `pool` x `pool` places, then take components, if any."""
        self.whole, self.pool, self.components = whole, pool, components

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.whole.to(device)
        self.components = self.components.to(device) if self.components else None
        return self

    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to what is kept float32 [B, K, h / pool, w / pool]."""
        return self.reduce(self.whole.encode(frames))

    def reduce(self, features: Tensor) -> Tensor:
        """Features [B, C, h, w] to what is kept of them [B, K, h / pool, w / pool]."""
        if self.pool > 1:
            features = functional.avg_pool2d(features, self.pool)
        return self.components.of(features) if self.components else features

    def kept_variance(self, frames: Tensor) -> float | None:
        """Share 0..1 of the variance of the features of frames uint8 [N, 3, H, W] that is kept.

        It is that of the nearest features that share what is kept: what differs within a square,
        or lies outside the basis, is lost. None where the features do not vary.
        """
        before, after = Covariance(), Covariance()
        for part in frames.split(BATCH):
            features = self.whole.encode(part)
            before.add(features)
            after.add(self.reduce(features))
        variance = before.matrix().trace()
        if variance <= ROUNDING * before.products.trace() / before.count:
            return None
        return float(after.matrix().trace() / variance)

    def save(self, folder: Path) -> None:
        """Write what the whole backbone writes, and the components into model.safetensors."""
        self.whole.save(folder)
        if self.components:
            path = folder / FILE
            weights = load_file(path) if path.is_file() else {}
            save_file({**weights, **self.components.tensors()}, path)


class Covariance:
    """Covariance of features that come batch by batch, in float64."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self.total, self.products = torch.zeros(2, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Count features [B, C, h, w] in."""
        rows = rearrange(features, "b c h w -> (b h w) c").double()
        self.count += len(rows)
        self.total, self.products = self.total + rows.sum(0), self.products + rows.T @ rows

    def mean(self) -> Tensor:
        """Mean [C]."""
        return self.total / self.count

    def matrix(self) -> Tensor:
        """Covariance [C, C], divided by the number of places."""
        return self.products / self.count - self.mean().outer(self.mean())


def finite(values: Tensor) -> Tensor:
    """The same values.

    Raises:
        FloatingPointError: one of them is NaN or infinite.
    """
    if not values.isfinite().all():
        raise FloatingPointError("features are not finite")
    return values


@torch.no_grad()
def principal(backbone: Backbone, frames: Tensor, channels: int, batch: int) -> Components:
    """The components of largest variance of the features of frames uint8 [N, 3, H, W].

    Frames are seen `batch` at once, and their features are not kept.

    Raises:
        FloatingPointError: the features are not finite.
    """
    covariance = Covariance()
    for part in frames.split(batch):
        covariance.add(backbone.encode(part))
    vectors = torch.linalg.eigh(finite(covariance.matrix())).eigenvectors
    basis = vectors.flip(1)[:, :channels].T
    # An eigenvector's sign is arbitrary: fix it, so that every machine finds the same basis.
    peak = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return Components(covariance.mean().float(), (basis * peak.sign()).float().contiguous())


def reduced(backbone: Backbone, frames: Tensor, options: Reduction, place: str) -> Backbone:
    """The backbone as it is, or reduced by what is fitted to frames uint8 [N, 3, H, W].

    Raises:
        ParamsError: the options, at `place` in params.yaml, ask for more than the features have.
        FloatingPointError: the features are not finite.
    """
    channels, *grid = finite(backbone.encode(frames[:1])).shape[1:]
    sides = [n for n in range(1, min(grid) + 1) if not any(side % n for side in grid)]
    if options.pool not in sides:
        raise ParamsError(
            f"{place}.pool = {options.pool} does not divide the {grid[0]} x {grid[1]} features of "
            f"a frame; choose one of {', '.join(map(str, sides))}"
        )
    if options.channels is not None and options.channels > channels:
        raise ParamsError(
            f"{place}.channels = {options.channels}, but features have {channels}; choose at most "
            "as many, or null for all"
        )
    if options.channels is None:
        return _unless_whole(backbone, options, None)
    pooled = Reduced(backbone, options.pool, None)
    components = principal(pooled, frames, options.channels, BATCH)
    return Reduced(backbone, options.pool, components)


def load_reduced(backbone: Backbone, folder: Path, options: Reduction) -> Backbone:
    """The same again, of a folder that `save` wrote.

    Raises:
        ValueError: it holds other components than the options say.
    """
    if options.channels is None:
        return _unless_whole(backbone, options, None)
    stored = load_file(folder / FILE)
    mean, basis = stored.get("mean"), stored.get("basis")
    if mean is None or basis is None or basis.shape != (options.channels, *mean.shape):
        raise ValueError(f"no mean and basis of {options.channels} components in {FILE}")
    return _unless_whole(backbone, options, Components(mean, basis))


def _unless_whole(backbone: Backbone, options: Reduction, stored: Components | None) -> Backbone:
    if stored is None and options.pool == 1:
        return backbone
    return Reduced(backbone, options.pool, stored)
