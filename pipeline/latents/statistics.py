"""Mean, std and rounding error of stored latents, accumulated over shards."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pipeline.files.json_model import FileModel
from pipeline.latents.channel_std import Moments, alive, channel_std
from pipeline.latents.moments import RunningMoments

CACHED = 2**17
"""Float64 numbers summed at once: 1 MB, which fits into the processor's cache."""
CHANNELS = (0, 2, 3)
"""The axes of latents [B, C, h, w] but for that of channels."""


class LatentStatistics:
    """Statistics per channel [C], in a fixed order: a resumed run gets the same results.

    Attributes:
        moments: of samples of the train split's posteriors: to the squared deviations of their
            means, their variances are added.
        error: sum of squares of stored minus encoded means, over both splits, float64 [C].
        compared: number of values in that sum, per channel.
    """

    def __init__(self, channels: int) -> None:
        """Start at zero."""
        self.moments = RunningMoments(0, *np.zeros((2, channels)))
        self.error, self.compared = np.zeros(channels), 0

    def add(self, mean: Tensor, std: Tensor | None) -> None:
        """Add stored latents [B, C, h, w]."""
        for part, *spread in _parts(mean) if std is None else _parts(mean, std):
            count, total = part.numel() // part.shape[1], part.sum(CHANNELS)
            deviations = part.sub_((total / count)[:, None, None]).square_().sum(CHANNELS)
            for one in spread:
                deviations += one.square_().sum(CHANNELS)
            self.moments.merge(RunningMoments(count, total.numpy(), deviations.numpy()))

    def compare(self, stored: Tensor, encoded: Tensor) -> None:
        """Add the rounding errors of stored latents, both [B, C, h, w]."""
        self.compared += stored.numel() // stored.shape[1]
        for ours, exact in _parts(stored, encoded):
            self.error += ours.sub_(exact).square_().sum(CHANNELS).numpy()

    def mean(self) -> Moments:
        """Mean per channel [C]."""
        return self.moments.mean()

    def alive(self) -> NDArray[np.bool_]:
        """Which channels [C] vary, as `pipeline.latents.channel_std.alive` defines it."""
        return alive(self.moments.variance(), self.moments.squares())

    def std(self) -> Moments:
        """Standard deviation per channel [C], with a substitute for dead ones."""
        return channel_std(self.moments.variance(), self.moments.squares())

    def rounding_error(self) -> float | None:
        """RMS error of storing, relative to the std of channels that vary; None if none does."""
        varies = self.alive()
        if not varies.any():
            return None
        shares = self.error[varies] / self.std()[varies] ** 2
        return float(np.sqrt(np.mean(shares) / max(self.compared, 1)))

    def sums(self) -> "ShardSums":
        """The sums and counts; JSON keeps float64 exactly."""
        return ShardSums(
            count=self.moments.count,
            total=self.moments.total.tolist(),
            deviations=self.moments.deviations.tolist(),
            error=self.error.tolist(),
            compared=self.compared,
        )


def _parts(*latents: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Copies in float64, of as many frames at a time as fit into the processor's cache."""
    frames = max(1, CACHED // latents[0][0].numel())
    for parts in zip(*(one.split(frames) for one in latents), strict=True):
        yield tuple(part.double() for part in parts)


class ShardSums(FileModel):
    """`LatentStatistics` of a shard, as encode keeps them beside it."""

    count: int = Field(ge=0)
    total: list[float]
    deviations: list[float]
    error: list[float]
    compared: int = Field(ge=0)

    def fit(self, channels: int) -> bool:
        """Whether they are of so many channels."""
        return len(self.total) == len(self.deviations) == len(self.error) == channels


def merge(shards: Iterable[ShardSums], channels: int) -> LatentStatistics:
    """The statistics of all shards, each from `sums`, in their order."""
    whole = LatentStatistics(channels)
    for shard in shards:
        total, deviations = np.array(shard.total), np.array(shard.deviations)
        whole.moments.merge(RunningMoments(shard.count, total, deviations))
        whole.error, whole.compared = whole.error + shard.error, whole.compared + shard.compared
    return whole
