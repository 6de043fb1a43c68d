"""Errors by noise level: ten bins of equal width over an objective's levels."""

from pathlib import Path

import torch
from torch import Tensor

from pipeline.metrics.schema.train import LevelRow
from pipeline.train.monitoring.curve import last_tenth, logs_of, write_rows

BINS = 10
"""Equal parts of an objective's levels; the first holds those next to clean."""


def bin_errors(error: Tensor, level: Tensor, levels: int) -> Tensor:
    """Sum and count of frames' errors by noise level, float32 [2 * BINS], without a host sync.

    Args:
        error: unweighted squared error of each frame [B, T].
        level: its level int64 [B, T], 0..levels - 1; CLEAN frames are not counted.
        levels: number of levels.
    """
    # A product with ones and zeros, since adding by index sums in no fixed order on a GPU.
    place = (level * BINS).div(levels, rounding_mode="floor")[..., None]
    member = (place == torch.arange(BINS, device=level.device)).float()
    sums = (error.detach().float()[..., None] * member).sum((0, 1))
    return torch.cat([sums, member.sum((0, 1))])


def mean_by_level(binned: Tensor) -> dict[tuple[float, float], float]:
    """Mean error over rows [n, 2 * BINS] of `bin_errors`, by bin edges 0..1; no empty bins."""
    sums, counts = binned.cpu().double().sum(0).reshape(2, BINS)
    means = (sums / counts).tolist()
    return {edges(i): mean for i, mean in enumerate(means) if counts[i]}


def edges(number: int) -> tuple[float, float]:
    """Where a bin begins and ends, as shares 0..1 of the levels."""
    return number / BINS, (number + 1) / BINS


def label(name: str, values: dict[tuple[float, float], float]) -> dict[str, float]:
    """Values by bin with the names that trackers show: {"NAME/0.0-0.1": ...}."""
    return {f"{name}/{low:.1f}-{high:.1f}": value for (low, high), value in values.items()}


def write_levels(curve: Tensor, path: Path) -> None:
    """Write the mean error by noise level over the last tenth of a curve [steps, 3 + 2 * BINS]."""
    means = mean_by_level(logs_of(last_tenth(curve)))
    write_rows(path, LevelRow.columns(), [(*bounds, mean) for bounds, mean in means.items()])
