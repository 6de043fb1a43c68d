"""Statistics of features as LeRobot's meta files hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.lerobot.features import Column

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
Statistics = Mapping[str, list[Any]]


def of_columns(columns: Mapping[str, Column], *, quantiles: bool) -> dict[str, Statistics]:
    """Min, max, mean, std and count over time of values [T, D] or [T], by feature."""
    return {name: _of_column(values, quantiles) for name, values in columns.items()}


def of_frames(frames: NDArray[np.uint8], *, quantiles: bool) -> Statistics:
    """The same of each colour channel in 0..1, [3, 1, 1] as in lerobot."""
    pixels = frames.reshape(-1, 3)
    levels = np.arange(256)
    # How often each brightness is there, [3, 256], tells all else.
    counts = np.stack([np.bincount(pixels[:, channel], minlength=256) for channel in range(3)])
    mean = counts @ levels / len(pixels)
    variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / len(pixels)
    found = {
        "min": (counts > 0).argmax(1),
        "max": 255 - (counts[:, ::-1] > 0).argmax(1),
        "mean": mean,
        "std": np.sqrt(variance),
    }
    if quantiles:
        below = counts.cumsum(1)
        shares = {name: below >= share * len(pixels) for name, share in QUANTILES.items()}
        found |= {name: reached.argmax(1) for name, reached in shares.items()}
    scaled = {name: (value / 255).reshape(3, 1, 1).tolist() for name, value in found.items()}
    return {**scaled, "count": [len(frames)]}


def _of_column(values: Column, quantiles: bool) -> Statistics:
    rows = values.reshape(len(values), -1)
    found = {
        "min": rows.min(0).tolist(),
        "max": rows.max(0).tolist(),
        "mean": rows.mean(0, dtype=np.float64).tolist(),
        "std": rows.std(0, dtype=np.float64).tolist(),
        "count": [len(rows)],
    }
    if quantiles:
        shares = {name: np.quantile(rows, share, axis=0) for name, share in QUANTILES.items()}
        found |= {name: value.tolist() for name, value in shares.items()}
    return found


def joined(episodes: Sequence[Mapping[str, Statistics]]) -> dict[str, Statistics]:
    """Statistics of all episodes together, by feature, as lerobot's `aggregate_stats`.

    Its quantiles are the mean of the episodes', weighted by their lengths.
    """
    return {name: _joined([each[name] for each in episodes]) for name in episodes[0]}


def _joined(parts: Sequence[Statistics]) -> Statistics:
    stacked = {name: np.array([part[name] for part in parts], np.float64) for name in parts[0]}
    count, mean = stacked.pop("count"), stacked.pop("mean")
    weights = count.reshape(-1, *[1] * (mean.ndim - 1)) / count.sum()
    total = (weights * mean).sum(0)
    variance = (weights * (stacked.pop("std") ** 2 + (mean - total) ** 2)).sum(0)
    found = {
        "min": stacked.pop("min").min(0),
        "max": stacked.pop("max").max(0),
        "mean": total,
        "std": np.sqrt(variance),
        **{name: (weights * values).sum(0) for name, values in stacked.items()},
    }
    lists: dict[str, list[Any]] = {name: values.tolist() for name, values in found.items()}
    return {**lists, "count": [int(count.sum())]}
