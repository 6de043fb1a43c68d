"""Noise of long rollouts: each clip has its own, drawn frame by frame."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.compute.generators import seeded

START, MIXED, STEPS, RENEWED = range(4)
"""What noise is for; each has a stream of its own, and so has each step after RENEWED."""


class ClipNoise:
    """The noise of some clips of a rollout; a `FrameNoise` without an end.

    That of a frame depends on the seed, on the clip and on its place in the rollout alone: neither
    on the batch nor on how many frames there will be, and it need not be kept.
    """

    def __init__(
        self,
        seed: int,
        clips: Sequence[int],
        latent_shape: tuple[int, int, int],
        *,
        stabilised: bool,
    ) -> None:
        """Take numbers; nothing is drawn yet.

        Args:
            seed: of the rollout, at least 0.
            clips: number of each clip in the batch, at least 0.
            latent_shape: channels, height and width.
            stabilised: whether context frames are noised.
        """
        self.seed, self.clips, self.latent_shape = seed, tuple(clips), latent_shape
        self.stabilised = stabilised
        self._steps = [self._generator(clip, STEPS, 0) for clip in self.clips]

    def starts(self, begin: int, end: int) -> Tensor:
        """See `FrameNoise`; with the batch of the clips."""
        return self._frames(START, begin, end)

    def mixed(self, begin: int, end: int) -> Tensor | None:
        """See `FrameNoise`; with the batch of the clips."""
        return self._frames(MIXED, begin, end) if self.stabilised else None

    def drawn(self, like: Tensor) -> Tensor:
        """See `FrameNoise`; a clip's draws follow each other, so that they are those of one run."""
        return torch.stack([torch.randn(like.shape[1:], generator=g) for g in self._steps])

    def renewed(self, frame: int, step: int) -> Tensor:
        """See `FrameNoise`; with the batch of the clips."""
        return self._frames(RENEWED + step - 1, frame, frame + 1)

    def _frames(self, purpose: int, begin: int, end: int) -> Tensor:
        """Standard normal [B, end - begin, C, h, w]."""
        rows = [
            torch.stack([self._frame(clip, purpose, frame) for frame in range(begin, end)])
            for clip in self.clips
        ]
        return torch.stack(rows)

    def _frame(self, clip: int, purpose: int, frame: int) -> Tensor:
        generator = self._generator(clip, purpose, frame)
        return torch.randn(self.latent_shape, generator=generator)

    def _generator(self, clip: int, purpose: int, frame: int) -> torch.Generator:
        return seeded(self.seed, clip, purpose, frame)
