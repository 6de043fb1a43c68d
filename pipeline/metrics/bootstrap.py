"""95 % intervals by resampling clips: of means over clips, and of Frechet distances.

Frames of a clip are alike, so clips are drawn, not frames (Efron & Tibshirani 1993, ch. 13).
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

SEED = 0
RESAMPLES, DISTANCES = 2000, 100
"""Resamples for a mean, and for a Frechet distance, each of which takes a decomposition."""
CHUNK = 2**22
"""Numbers of a matrix of counts that is held at once."""
ENDS = torch.tensor([0.025, 0.975], dtype=torch.float64)


def mean_intervals(values: Tensor, resamples: int = RESAMPLES) -> Tensor:
    """Percentile intervals [2, ...] of the means over clips of values [N, ...], float64.

    Every column is resampled alike; the draws are the same for the same N.
    """
    flat = values.double().reshape(len(values), -1)
    parts = [counts @ flat / len(flat) for counts in _counts(len(flat), resamples)]
    return torch.quantile(torch.cat(parts), ENDS, 0).reshape(2, *values.shape[1:])


def resampled_intervals(
    values: Tensor, of: Callable[[Tensor], Tensor], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile interval of what `of` makes of the sums [R, K] of R resamples of values [N, K].

    A resample of which it is not defined, such as a share of nothing, does not count.
    """
    flat = values.double()
    found = torch.cat([of(counts @ flat) for counts in _counts(len(flat), resamples)])
    low, high = torch.nanquantile(found, ENDS).tolist()
    return low, high


def frechet_interval(
    generated: Tensor, truth: Tensor, clip: Tensor, resamples: int = DISTANCES
) -> tuple[float, float]:
    """Interval of the Frechet distance of features [N, D], of clips int64 [N], taken in pairs.

    A resample repeats clips, so that its covariances have a lower rank and its distance is larger
    than that of all clips. The interval is therefore that of the resamples around their own mean,
    moved to the distance of all clips. What the distance is too large by for so few features
    stays in both.
    """
    number, index = clip.unique(return_inverse=True)
    whole = float(weighted_frechet(generated, truth, torch.ones(len(clip))))
    rows = torch.cat(list(_counts(len(number), resamples)))[:, index]
    distances = torch.stack([weighted_frechet(generated, truth, row) for row in rows])
    low, high = (torch.quantile(distances, ENDS) - distances.mean()).tolist()
    return max(whole + low, 0.0), whole + high


def weighted_frechet(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """`images.frechet` [] of features [N, D], row n taken weights[n] times; float64.

    tr (A B)^(1/2) is the sum of the singular values of X Y^T, where A = X^T X and B = Y^T Y, which
    is a small matrix where there are fewer features than dimensions.
    """
    kept = weights > 0
    rows = weights[kept].double().unsqueeze(1)
    total, features = rows.sum(), [each[kept].double() for each in (a, b)]
    means = [(rows * each).sum(0) / total for each in features]
    centred = [
        (each - mean) * (rows / (total - 1)).sqrt()
        for each, mean in zip(features, means, strict=True)
    ]
    if len(rows) > a.shape[1]:
        centred = [torch.linalg.qr(each, mode="r").R for each in centred]
    shared = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    spread = centred[0].square().sum() + centred[1].square().sum()
    return (means[0] - means[1]).square().sum() + spread - 2 * shared


def _counts(clips: int, resamples: int) -> Iterator[Tensor]:
    """How often each clip is drawn in each resample, float64 [resamples, clips], in chunks."""
    generator = torch.Generator().manual_seed(SEED)
    size = max(1, CHUNK // clips)
    for start in range(0, resamples, size):
        shape = min(size, resamples - start), clips
        drawn = torch.randint(clips, shape, generator=generator)
        ones = torch.ones(shape, dtype=torch.float64)
        yield torch.zeros(shape, dtype=torch.float64).scatter_add(1, drawn, ones)
