"""State: where a rollout is that goes on frame by frame, and the noise of its next frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanowm.frames import Form
from pipeline.diffusion.incremental import Window
from pipeline.diffusion.sampling import Noise


@dataclass(frozen=True, slots=True)
class State:
    """What `WorldModel.step` goes on from: a value, which steps leave as it is.

    Attributes:
        window: the latest latents and actions, with their KV cache.
        form: how frames are given and returned.
    """

    window: Window
    form: Form

    @property
    def latent(self) -> Tensor:
        """The current frame's latent [C, h, w], or [B, C, h, w] of a batch, whitened."""
        last = self.window.frames[:, -1]
        return last if self.form.batched else last[0]

    def __repr__(self) -> str:
        batch, kept = self.window.frames.shape[:2]
        return f"State of {batch} rollout{'s' * (batch > 1)}, {kept} frames in the window"


@dataclass(frozen=True, slots=True)
class NextNoise:
    """The noise of the next frame alone, wherever that is; a `FrameNoise` without stabilisation.

    Attributes:
        passes: standard normal [B, S, C, h, w]: what the frame starts from, then what it is
            noised with anew after each step, by samplers that do so.
    """

    passes: Tensor

    def starts(self, begin: int, end: int) -> Tensor:
        """See `FrameNoise`."""
        assert end == begin + 1
        return self.passes[:, :1]

    def mixed(self, begin: int, end: int) -> None:
        """See `FrameNoise`."""

    def drawn(self, like: Tensor) -> Tensor:
        """See `FrameNoise`; steps are deterministic."""
        raise AssertionError(f"no noise for a step of {list(like.shape)}")

    def renewed(self, frame: int, step: int) -> Tensor:
        """See `FrameNoise`."""
        return self.passes[:, step : step + 1]


def noise_of(frames: Sequence[NextNoise]) -> Noise:
    """The noise of a rollout of so many frames."""
    passes = torch.stack([frame.passes for frame in frames], 2)  # [B, S, F, C, h, w]
    return Noise(passes[:, 0], fresh=passes[:, 1:] if passes.shape[1] > 1 else None)
