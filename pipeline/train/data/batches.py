"""What one optimiser step is made of: clips, noise and levels, cut into micro-batches.

Everything random is drawn for the whole batch from the seed and the step's number, and then cut: a
clip has the same noise whatever the number of processes and micro-batches, and no two have the
same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import ParamsError
from pipeline.latents.windows import Windows
from pipeline.noise.levels import CLEAN, draw_levels
from pipeline.train import Options
from pipeline.train.data.shuffle import ShuffledSampler, seeded_generator
from pipeline.train.distributed.group import Group
from pipeline.train.interruptions import ChangeDetector


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """P clips of T frames that pass through the network together.

    Attributes:
        clean: whitened latents [P, T, C, h, w].
        noise: standard normal, the same shape.
        level: int64 [P, T], 0..levels - 1, or CLEAN.
        actions: [P, T, interval, A] in the world's units.
        num_noisy: frames of the whole batch, over all processes, that carry noise: a loss is the
            sum over its own clips divided by it, so that micro-batches add up to the mean.
        dropped: bool [P], true of clips whose actions are not told; None if all are.
    """

    clean: Tensor
    noise: Tensor
    level: Tensor
    actions: Tensor
    num_noisy: int
    dropped: Tensor | None = field(default=None, kw_only=True)

    def to(self, device: torch.device) -> Self:
        """A copy on a device; from pinned memory it is made while the device works."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Self:
        """A copy in page-locked memory."""
        return self._map(Tensor.pin_memory)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Latents, noise, levels and actions."""
        return self.clean, self.noise, self.level, self.actions

    def _map(self, move: Callable[[Tensor], Tensor]) -> Self:
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        moved = {name: move(value) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **{**values, **moved})


@dataclass(frozen=True, slots=True)
class Batch:
    """The share of one step that one process computes.

    Attributes:
        rows: windows of the whole batch, [B].
        micro_batches: those of this process.
    """

    rows: NDArray[np.int64]
    micro_batches: list[MicroBatch]


def check_batch(options: Options, processes: int) -> None:
    """Refuse a batch that cannot be cut evenly over processes and micro-batches.

    Raises:
        ParamsError: the clips are no multiple of the number of parts.
    """
    parts = processes * options.accumulation
    if options.batch % parts:
        raise ParamsError(
            f"train.batch = {options.batch} cannot be cut into {processes} x "
            f"{options.accumulation} micro-batches (processes x train.accumulation); choose a "
            f"multiple of {parts}"
        )


class Batches:
    """The batches of a run, each a function of seed and step alone."""

    def __init__(self, windows: Windows, options: Options, levels: int, group: Group) -> None:
        """Cut `options.batch` clips evenly over processes and micro-batches.

        Args:
            windows: to train on.
            options: of the batch, its order and its noise levels.
            levels: number of noise levels of the objective.
            group: the processes that share a batch.

        Raises:
            ParamsError: the clips cannot be cut evenly.
        """
        check_batch(options, group.size)
        self.windows, self.options, self.levels, self.group = windows, options, levels, group
        self.sampler = ShuffledSampler(windows, options)
        self._changes = ChangeDetector(windows.cache.path)

    def draw(self, step: int) -> Batch:
        """The batch of one step, counted from 0, on the CPU."""
        options, windows, spec = self.options, self.windows, self.windows.cache.spec
        rows = self.sampler.rows(step)
        generator = seeded_generator(options.seed, "step", step)
        shape = (options.batch, windows.frames, *spec.latent_shape)
        posterior = torch.randn(shape, generator=generator) if spec.stochastic else None
        level = draw_levels(options.levels, *shape[:2], self.levels, generator)
        noise = torch.randn(shape, generator=generator)
        num_noisy = int((level != CLEAN).sum())
        dropped = self._dropped(step)
        micro_batches = []
        for clips in self._clips():
            clean = windows.sample(rows[clips], None if posterior is None else posterior[clips])
            actions = windows.actions(rows[clips])
            untold = None if dropped is None else dropped[clips]
            micro_batch = MicroBatch(
                clean, noise[clips], level[clips], actions, num_noisy, dropped=untold
            )
            micro_batches.append(self.pinned_for_gpu(micro_batch))
        return Batch(rows, micro_batches)

    def pinned_for_gpu(self, micro_batch: MicroBatch) -> MicroBatch:
        """The same, in page-locked memory where the group computes on GPUs."""
        return micro_batch.pinned() if self.group.device.type == "cuda" else micro_batch

    def episodes(self, batch: Batch) -> list[str]:
        """Keys of the episodes that the clips of a batch, of all processes, are from."""
        episodes = self.windows.cache.seal.episodes
        return sorted({episodes[episode].key for episode, _ in self.windows.rows[batch.rows]})

    def check_unchanged(self) -> None:
        """Make sure that the latents are still those that the run began with.

        Raises:
            DataError: a file was written, moved or removed.
        """
        self._changes.check()

    def _dropped(self, step: int) -> Tensor | None:
        """Clips bool [B] whose actions are not told; None where all always are."""
        options = self.options
        if not options.drop_actions:
            return None
        generator = seeded_generator(options.seed, "dropped actions", step)
        return torch.rand(options.batch, generator=generator) < options.drop_actions

    def _clips(self) -> NDArray[np.int64]:
        """Clips of each micro-batch of this process, [micro-batches, P]."""
        clips = np.arange(self.options.batch)
        cut = rearrange(clips, "(a g p) -> g a p", a=self.options.accumulation, g=self.group.size)
        return cut[self.group.rank]
