"""What one optimiser step of a state model is made of: windows, labels, and the heads' rows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.latents.state_labels import labels_of
from pipeline.latents.windows import Windows
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
        self, windows: Windows, options: Options, heads: int, labels: int, group: Group
    ) -> None:
        """See `Batches`; with bootstrap each of the heads has rows of its own."""
        super().__init__(windows, options, LEVELS, group)
        self.heads, self.labels = heads, labels

    def draw(self, step: int) -> Batch:
        """See `Batches.draw`."""
        batch = super().draw(step)
        generator = seeded_generator(self.options.seed, "bootstrap", step)
        shares = torch.rand((self.heads, self.options.batch), generator=generator)
        parts = []
        for clips, part in zip(self._clips(), batch.micro_batches, strict=True):
            rows = torch.arange(len(clips)).expand(self.heads, -1)
            if self.options.state.bootstrap:
                rows = (shares[:, clips] * len(clips)).long()
            own = StateMicroBatch(
                part.clean,
                part.noise,
                part.level,
                part.actions,
                self.options.batch,
                labels_of(self.windows, batch.rows[clips], self.labels),
                rows,
            )
            parts.append(self.pinned_for_gpu(own))
        return Batch(batch.rows, list(parts))
