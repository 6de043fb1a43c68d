"""The order in which a run sees its windows: a pure function of seed and step."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.compute.generators import seeded
from pipeline.latents.windows import Windows
from pipeline.train import Options


class ShuffledSampler:
    """A new permutation of the windows, or of the episodes, every epoch; random access by step."""

    def __init__(self, windows: Windows, options: Options) -> None:
        """Index the first window of each episode, and how many windows it has."""
        self.options = options
        if options.windows == "every":
            self.firsts, self.counts = np.arange(len(windows)), np.ones(len(windows), np.int64)
        else:
            _, self.firsts, self.counts = np.unique(
                windows.rows[:, 0], return_index=True, return_counts=True
            )
        self._epoch = lru_cache(2)(self._permutation)

    def __len__(self) -> int:
        """Windows of an epoch."""
        return len(self.firsts)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Windows [B] of one step; a batch may straddle epochs."""
        batch = self.options.batch
        epochs, places = np.divmod(np.arange(step * batch, (step + 1) * batch), len(self))
        rows = np.empty(batch, np.int64)
        for epoch in np.unique(epochs):
            mask = epochs == epoch
            rows[mask] = self._epoch(int(epoch))[places[mask]]
        return rows

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        """All windows of one epoch, in its order."""
        generator = seeded_generator(self.options.seed, "epoch", epoch)
        order = torch.randperm(len(self), generator=generator).numpy()
        if self.options.windows == "every":
            return order
        shares = torch.rand(len(self), generator=generator, dtype=torch.float64).numpy()
        return (self.firsts + (shares * self.counts).astype(np.int64))[order]


def seeded_generator(seed: int, purpose: str, number: int) -> torch.Generator:
    """An independent generator for the `number`-th epoch or step, by seed and purpose."""
    return seeded(seed, *purpose.encode(), number)
