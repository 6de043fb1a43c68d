"""State: where a rollout is that goes on frame by frame."""

from dataclasses import dataclass

from torch import Tensor

from nanowm.frames import Form
from pipeline.diffusion.incremental import Window


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
