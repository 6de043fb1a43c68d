"""A Frechet distance of features that stream by: FID or FVD."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from pipeline.metrics.bootstrap import frechet_interval
from pipeline.metrics.moments import Kind, Moments, distance, load

KEPT = 4096
"""Features of each side that are kept for an interval; of more, only their moments are."""


class Distance:
    """Moments of the features of both sides, and the first features of clips themselves."""

    def __init__(
        self, kind: Kind, extract: Callable[[Tensor], Tensor], statistics: Path | None
    ) -> None:
        """Take the moments of the truth from a file, if one is given.

        Raises:
            DataError: the file is damaged, or of other features.
        """
        self.kind, self.extract = kind, extract
        self.generated = Moments(kind)
        self.given = statistics is not None
        self.truth = Moments(kind) if statistics is None else load(statistics, kind)
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._clips: list[int] = []

    def add(self, generated: Tensor, truth: Tensor, clip: int) -> None:
        """Count in what was generated for a clip, by its number, and the truth."""
        made = self.extract(generated)
        self.generated.add(made)
        if self.given:
            return
        real = self.extract(truth)
        self.truth.add(real)
        if self.generated.count <= KEPT:
            self._kept.append((made, real))
            self._clips += [clip] * len(made)

    def value(self) -> float | None:
        """The distance; None of fewer than two features."""
        if min(self.generated.count, self.truth.count) < 2:
            return None
        return distance(self.generated, self.truth)

    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval over clips; None where features were not kept, or are of one clip."""
        if len(self._clips) < self.generated.count or len(set(self._clips)) < 2:
            return None
        generated, truth = (torch.cat(each) for each in zip(*self._kept, strict=True))
        return frechet_interval(generated, truth, torch.tensor(self._clips))
