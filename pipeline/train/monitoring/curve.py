"""The record of a run: what each step cost, and the errors that it made by noise level."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipeline import stage

SCALARS = ("loss", "learning_rate", "gradient_norm")
BINS = 10
"""Equal parts of an objective's levels; the first holds those next to clean."""
COLUMNS = len(SCALARS) + 2 * BINS
"""Of a row: the scalars, then each bin's sum of unweighted errors, then its count of frames."""
POINTS = 100


def binned(error: Tensor, level: Tensor, levels: int) -> Tensor:
    """Sum and count of frames' errors by noise level, float32 [2 * BINS], without a host sync.

    Args:
        error: unweighted squared error of each frame [B, T].
        level: its level int64 [B, T], 0..levels - 1; CLEAN frames are not counted.
        levels: how many there are.
    """
    # A product with ones and zeros, since adding by index sums in no fixed order on a GPU.
    place = (level * BINS).div(levels, rounding_mode="floor")[..., None]
    member = (place == torch.arange(BINS, device=level.device)).float()
    sums = (error.detach().float()[..., None] * member).sum((0, 1))
    return torch.cat([sums, member.sum((0, 1))])


def by_level(rows: Tensor) -> dict[tuple[float, float], float]:
    """Mean error over rows [n, COLUMNS], by a bin's edges 0..1; only bins that a frame fell in."""
    sums, counts = rows[:, len(SCALARS) :].cpu().double().sum(0).reshape(2, BINS)
    means = (sums / counts).tolist()
    return {edges(i): mean for i, mean in enumerate(means) if counts[i]}


def edges(number: int) -> tuple[float, float]:
    """Where a bin begins and ends, as shares 0..1 of the levels."""
    return number / BINS, (number + 1) / BINS


def named(name: str, values: dict[tuple[float, float], float]) -> dict[str, float]:
    """Values by bin as trackers show them: {"NAME/0.0-0.1": ...}."""
    return {f"{name}/{low:.1f}-{high:.1f}": value for (low, high), value in values.items()}


def report(rows: Tensor) -> dict[str, float]:
    """Rows [n, COLUMNS] of consecutive steps as trackers show them: their means, the last rate."""
    rows = rows.cpu()
    shown = dict(zip(SCALARS, rows[:, : len(SCALARS)].double().mean(0).tolist(), strict=True))
    shown["learning_rate"] = float(rows[-1, SCALARS.index("learning_rate")])
    scalars = {f"train/{name}": value for name, value in shown.items()}
    return scalars | named("train/loss_by_level", by_level(rows))


def write_csv(curve: Tensor, path: Path) -> None:
    """Write the means of about a hundred equal parts of a curve [steps, COLUMNS]."""
    size = max(1, len(curve) // POINTS)
    starts = range(0, len(curve), size)
    parts = [curve[start : start + size, : len(SCALARS)] for start in starts]
    rows = [(s + len(part), *part.mean(0).tolist()) for s, part in zip(starts, parts, strict=True)]
    write_rows(path, ("step", *SCALARS), rows)


def write_levels(curve: Tensor, path: Path) -> None:
    """Write the mean error by noise level over the last tenth of a curve [steps, COLUMNS]."""
    found = by_level(_last(curve))
    write_rows(path, ("from", "to", "error"), [(*bounds, mean) for bounds, mean in found.items()])


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """Write a CSV file of numbers."""
    with stage.output(path) as partial, partial.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        for row in rows:
            table.writerow([v if isinstance(v, int) else f"{v:.6g}" for v in row])


def final_loss(curve: Tensor) -> float:
    """Mean loss over the last tenth of a curve [steps, COLUMNS]."""
    return float(_last(curve)[:, 0].mean())


def _last(curve: Tensor) -> Tensor:
    return curve[-max(1, len(curve) // 10) :]
