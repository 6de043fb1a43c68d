"""What one optimiser step is made of: clips, noise and levels, cut into the pieces of a process.

Everything random is drawn for the whole batch from the seed and the step's number, and then cut: a
clip has the same noise whatever the number of processes and pieces, and no two have the same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows
from pipeline.noise.levels import CLEAN, draw_levels
from pipeline.train import Options
from pipeline.train.data.shuffle import Order, seeded
from pipeline.train.distributed.group import Group


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """P clips of T frames that pass through the network together.

    Attributes:
        clean: whitened latents [P, T, C, h, w].
        noise: standard normal, the same shape.
        level: int64 [P, T], 0..levels - 1, or CLEAN.
        actions: [P, T, interval, A] in the world's units.
    """

    clean: Tensor
    noise: Tensor
    level: Tensor
    actions: Tensor

    def to(self, device: torch.device) -> "MicroBatch":
        """A copy on a device; from pinned memory it is made while the device works."""
        moved = (x.to(device, non_blocking=True) for x in self._all())
        return MicroBatch(*moved)

    def pinned(self) -> "MicroBatch":
        """A copy in page-locked memory."""
        return MicroBatch(*(x.pin_memory() for x in self._all()))

    def _all(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.clean, self.noise, self.level, self.actions


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's share of one process.

    Attributes:
        step: its number, from 0.
        rows: windows of the whole batch, [B].
        scored: frames of the whole batch that carry noise.
        pieces: of this process.
    """

    step: int
    rows: NDArray[np.int64]
    scored: int
    pieces: list[MicroBatch]


class Batches:
    """The batches of a run, by their number."""

    def __init__(self, windows: Windows, options: Options, levels: int, group: Group) -> None:
        """Clips are cut evenly.

        Raises:
            ParamsError: they cannot be.
        """
        parts = group.size * options.accumulation
        if options.batch % parts:
            raise ParamsError(
                f"train.batch = {options.batch} cannot be cut into {group.size} x "
                f"{options.accumulation} pieces (processes x train.accumulation); choose a "
                f"multiple of {parts}"
            )
        self.windows, self.options, self.levels, self.group = windows, options, levels, group
        self.order = Order(windows, options)

    def draw(self, step: int) -> Batch:
        """The batch of one step, on the CPU."""
        options, windows, spec = self.options, self.windows, self.windows.cache.spec
        rows = self.order.rows(step)
        generator = seeded(options.seed, "step", step)
        shape = (options.batch, windows.frames, *spec.latent_shape)
        sample = torch.randn(shape, generator=generator) if spec.stochastic else None
        level = draw_levels(options.levels, *shape[:2], self.levels, generator)
        noise = torch.randn(shape, generator=generator)
        pieces = []
        for mine in self._mine():
            drawn = None if sample is None else sample[mine]
            clean = windows.sampled(rows[mine], drawn)
            piece = MicroBatch(clean, noise[mine], level[mine], windows.actions(rows[mine]))
            pieces.append(piece.pinned() if self.group.device.type == "cuda" else piece)
        return Batch(step, rows, int((level != CLEAN).sum()), pieces)

    def _mine(self) -> NDArray[np.int64]:
        """Clips of each piece of this process, [pieces, P]."""
        clips = np.arange(self.options.batch)
        cut = rearrange(clips, "(a g p) -> g a p", a=self.options.accumulation, g=self.group.size)
        return cut[self.group.rank]
