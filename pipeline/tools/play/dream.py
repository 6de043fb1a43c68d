"""The dream: frames of the world model, one for each action."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.incremental import Stepper, Window
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError
from pipeline.plan.measure import Codec

Frame = NDArray[np.uint8]
"""RGB [H, W, 3]."""
CLIP = 0
"""Number of the clip whose noise is drawn: that of `wm rollout --episode` and `--from`."""


@dataclass(slots=True)
class Dream:
    """A rollout under way: the frames of `wm rollout` for the same start, actions, seed and steps.

    Attributes:
        model: the world model.
        codec: its own.
        steps: denoising steps of a frame; may change at any time.
    """

    model: WorldModel
    codec: Codec
    steps: int
    _window: Window | None = None
    _noise: ClipNoise | None = None

    def begin(self, history: Tensor, actions: Tensor, seed: int) -> Frame:
        """Start from a history.

        Args:
            history: whitened latents [K, C, h, w].
            actions: [K - 1, interval, A] between them, in the data's units.
            seed: of the noise.

        Returns:
            What its last frame looks like when it is decoded, of the size that the model sees.
        """
        shape = self.model.spec.latent_shape
        self._noise = ClipNoise(seed, [CLIP], shape, stabilised=False)
        scaled = self.model.model_actions(actions[None])
        self._window = self._stepper().begin(history[None].to(self.model.device), scaled)
        return self.decode(self.latent)

    def step(self, actions: Tensor) -> Frame:
        """The next frame, after actions [interval, A] in the data's units.

        Raises:
            DataError: the model gives NaN or infinity.
        """
        assert self._window is not None
        assert self._noise is not None
        scaled = self.model.model_actions(actions[None, None])[:, 0]
        window = self._stepper().step(self._window, scaled, self._noise)
        if not bool(torch.isfinite(window.frames[:, -1]).all()):
            raise DataError("the world model's next frame is NaN or infinite: it has diverged")
        self._window = window
        return self.decode(self.latent)

    @property
    def latent(self) -> Tensor:
        """Whitened latent [C, h, w] of the current frame."""
        assert self._window is not None
        return self._window.frames[0, -1]

    def decode(self, latent: Tensor) -> Frame:
        """The frame of a whitened latent [C, h, w]."""
        return as_frame(self.codec.decode(latent[None])[0])

    def _stepper(self) -> Stepper:
        return self.model.stepper(self.model.sampling(steps=self.steps))


def as_frame(pixels: Tensor) -> Frame:
    """A frame uint8 [3, H, W] as [H, W, 3], on the CPU."""
    return np.ascontiguousarray(pixels.cpu().permute(1, 2, 0).numpy())
