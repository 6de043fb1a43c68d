"""Smaller features: pooled over the grid, projected on their principal components."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from einops import rearrange
from pydantic import Field
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from pipeline.encoders import REMEDY
from pipeline.encoders._shared.backbone import Backbone
from pipeline.errors import ParamsError
from pipeline.files.tensors import read_tensors
from pipeline.latents.health import require_finite
from pipeline.params import Params

BATCH = 8
"""Frames whose features are in memory at once."""
FILE = "model.safetensors"
"""Holds the components, beside the network's own weights if the codec has them."""
ROUNDING = 1e-12
"""A variance below this share of the features' mean square is taken for a rounding error."""


class Reduction(Params):
    """How features are reduced; base of the Options of every encoder with published ones."""

    pool: int = Field(
        gt=0, description="side of the squares of the feature grid that are averaged; 1: none"
    )
    channels: int | None = Field(gt=0, description="principal components kept; null: all channels")


@dataclass(frozen=True, slots=True)
class PrincipalComponents:
    """Principal components of features: the orthonormal directions of largest variance.

    Attributes:
        mean: float32 [C] of the features.
        basis: float32 [K, C], the direction of the largest variance first.
    """

    mean: Tensor
    basis: Tensor

    def to(self, device: torch.device) -> "PrincipalComponents":
        """A copy on a device."""
        return PrincipalComponents(self.mean.to(device), self.basis.to(device))

    def project(self, features: Tensor) -> Tensor:
        """Features [B, C, h, w] to their coefficients float32 [B, K, h, w].

        In float64, which autocast leaves alone: small results are differences of large numbers.
        """
        tokens = rearrange(features.double(), "b c h w -> b (h w) c")
        coefficients = ((tokens - self.mean) @ self.basis.double().T).float()
        return rearrange(coefficients, "b (h w) k -> b k h w", h=features.shape[2]).contiguous()

    def tensors(self) -> dict[str, Tensor]:
        """Mean and basis by their names, as they are saved."""
        return {"mean": self.mean, "basis": self.basis}


class ReducedBackbone:
    """A `Backbone` whose features are pooled and projected."""

    def __init__(
        self, backbone: Backbone, pool: int, components: PrincipalComponents | None
    ) -> None:
        """Average squares of `pool` x `pool` places, then project on the components, if any."""
        self.backbone, self.pool, self.components = backbone, pool, components

    def to(self, device: torch.device) -> Self:
        """Move to a device."""
        self.backbone.to(device)
        self.components = self.components.to(device) if self.components else None
        return self

    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to reduced features float32 [B, K, h / pool, w / pool]."""
        return self.reduce(self.backbone.encode(frames))

    def reduce(self, features: Tensor) -> Tensor:
        """Features [B, C, h, w] to reduced ones [B, K, h / pool, w / pool]."""
        if self.pool > 1:
            features = functional.avg_pool2d(features, self.pool)
        return self.components.project(features) if self.components else features

    def kept_variance(self, frames: Tensor) -> float | None:
        """Share 0..1 of the features' variance that survives, over frames uint8 [N, 3, H, W].

        Variance within a pooled square or outside of the basis is lost. None where the features
        do not vary.
        """
        before, after = Covariance(), Covariance()
        for part in frames.split(BATCH):
            features = self.backbone.encode(part)
            before.add(features)
            after.add(self.reduce(features))
        variance = before.matrix().trace()
        if variance <= ROUNDING * (variance + before.mean().square().sum()):
            return None
        return float(after.matrix().trace() / variance)

    def save(self, folder: Path) -> None:
        """Write the files of the backbone, and the components into model.safetensors."""
        self.backbone.save(folder)
        if self.components:
            path = folder / FILE
            weights = load_file(path) if path.is_file() else {}
            save_file({**weights, **self.components.tensors()}, path)


class Covariance:
    """Covariance of features that come batch by batch, in float64.

    Batches are centred before they are merged, as in `pipeline.latents.moments`.
    """

    def __init__(self) -> None:
        """Start with no features."""
        self.count = 0
        self.total, self.deviations = torch.zeros(2, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Add a batch of features [B, C, h, w]."""
        rows = rearrange(features, "b c h w -> (b h w) c").double()
        count, total, mean = len(rows), rows.sum(0), rows.mean(0)
        centred = rows - mean
        deviations = centred.T @ centred
        if self.count:
            difference = mean - self.mean()
            weight = self.count * count / (self.count + count)
            deviations += weight * difference.outer(difference)
        self.deviations = self.deviations + deviations
        self.total, self.count = self.total + total, self.count + count

    def mean(self) -> Tensor:
        """Mean [C]."""
        return self.total / self.count

    def matrix(self) -> Tensor:
        """Covariance [C, C], divided by the number of places."""
        return self.deviations / self.count


@torch.no_grad()
def principal_components(
    backbone: Backbone, frames: Tensor, channels: int, batch: int
) -> PrincipalComponents:
    """Principal components of the features of frames uint8 [N, 3, H, W].

    Frames are encoded in batches of `batch`, and their features are not kept.

    Raises:
        FloatingPointError: the features are not finite.
    """
    covariance = Covariance()
    for part in frames.split(batch):
        covariance.add(backbone.encode(part))
    vectors = torch.linalg.eigh(require_finite(covariance.matrix())).eigenvectors
    basis = vectors.flip(1)[:, :channels].T
    # An eigenvector's sign is arbitrary: fix it, so that every machine finds the same basis.
    peak = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return PrincipalComponents(
        covariance.mean().float(), (basis * peak.sign()).float().contiguous()
    )


def fit_reduction(backbone: Backbone, frames: Tensor, options: Reduction, place: str) -> Backbone:
    """The backbone, reduced as the options say; components are fitted to frames [N, 3, H, W].

    Raises:
        ParamsError: the options, at `place` in params.yaml, ask for more than the features have.
        FloatingPointError: the features are not finite.
    """
    channels, *grid = require_finite(backbone.encode(frames[:1])).shape[1:]
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
        return _pooled(backbone, options.pool)
    pooled = ReducedBackbone(backbone, options.pool, None)
    components = principal_components(pooled, frames, options.channels, BATCH)
    return ReducedBackbone(backbone, options.pool, components)


def load_reduction(backbone: Backbone, folder: Path, options: Reduction) -> Backbone:
    """The backbone, reduced by the components in a folder that `ReducedBackbone.save` wrote.

    Raises:
        ValueError: the components do not match the options.
    """
    if options.channels is None:
        return _pooled(backbone, options.pool)
    stored = read_tensors(folder / FILE, REMEDY)
    mean, basis = stored.get("mean"), stored.get("basis")
    if mean is None or basis is None or basis.shape != (options.channels, *mean.shape):
        raise ValueError(f"no mean and basis of {options.channels} components in {FILE}")
    return ReducedBackbone(backbone, options.pool, PrincipalComponents(mean, basis))


def _pooled(backbone: Backbone, pool: int) -> Backbone:
    return backbone if pool == 1 else ReducedBackbone(backbone, pool, None)
