"""What one optimiser step of a state model is made of: windows, labels, and the heads' rows."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.state_labels import labels_of
from pipeline.latents.windows import Windows
from pipeline.state_models import StateSize
from pipeline.train import Options
from pipeline.train.data.batches import Batch, Batches, MicroBatch
from pipeline.train.data.shuffle import seeded_generator
from pipeline.train.distributed.group import Group

LEVELS = 1
"""Of noise, which is none of the loss's: no window is noised before it is fed."""


@dataclass(frozen=True, slots=True)
class StateMicroBatch(MicroBatch):
    """P windows, of which each head sees some; `num_noisy` counts windows of the whole batch.

    Attributes:
        labels: contacts and termination, 0 or 1, [P, T, C + 1] or [P, T, 0].
        heads: int64 [E, P], the windows of each head.
    """

    labels: Tensor
    heads: Tensor


class StateBatches(Batches):
    """The batches of a run, each a function of seed and step alone."""

    def __init__(
        self, windows: Windows, options: Options, heads: int, size: StateSize, group: Group
    ) -> None:
        """See `Batches`; with bootstrap each of the heads has rows of its own."""
        super().__init__(windows, options, LEVELS, group)
        self.heads, self.size = heads, size
        self.terminating = terminating(windows, size)

    def draw(self, step: int) -> Batch:
        """See `Batches.draw`; a loss has no use for noise at a level."""
        options, windows, seed = self.options, self.windows, self.options.seed
        rows = self._rows(step)
        shape = (options.batch, windows.frames, *windows.cache.spec.latent_shape)
        noise = torch.randn(shape, generator=seeded_generator(seed, "step", step))
        level = torch.zeros(shape[:2], dtype=torch.int64)
        generator = seeded_generator(seed, "bootstrap", step)
        shares = torch.rand((self.heads, options.batch), generator=generator)
        parts = []
        for clips in self._clips():
            of_heads = torch.arange(len(clips)).expand(self.heads, -1)
            if options.state.bootstrap:
                of_heads = (shares[:, clips] * len(clips)).long()
            part = StateMicroBatch(
                windows.sample(rows[clips], None),
                noise[clips],
                level[clips],
                windows.actions(rows[clips]),
                options.batch,
                labels_of(windows, rows[clips], self.size.labels),
                of_heads,
            )
            parts.append(self.pinned_for_gpu(part))
        return Batch(rows, list(parts))

    def _rows(self, step: int) -> NDArray[np.int64]:
        """Windows [B]: those of an epoch in their order, and a share of falls in between."""
        rows, share = self.sampler.rows(step), self.options.state.termination_share
        if not share or not len(self.terminating):
            return rows
        generator = seeded_generator(self.options.seed, "terminations", step)
        drawn = torch.rand((2, len(rows)), generator=generator, dtype=torch.float64).numpy()
        chosen = self.terminating[(drawn[1] * len(self.terminating)).astype(np.int64)]
        return np.where(drawn[0] < share, chosen, rows)


def terminating(windows: Windows, size: StateSize) -> NDArray[np.int64]:
    """The windows whose last row is a termination."""
    if not size.termination_dim:
        return np.zeros(0, np.int64)
    last = windows.frame_indices(np.arange(len(windows)))[:, -1]
    column = windows.cache.spec.latent_shape[0] + size.contact_dim
    return np.flatnonzero(windows.cache.states[last, column] > 0)
