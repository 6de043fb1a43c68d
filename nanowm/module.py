"""A codec and the dynamics of its latents as one torch module."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nanowm.frames import Array, pixels
from nanowm.stepping import NextNoise
from pipeline import encoders
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel as Dynamics
from pipeline.errors import UserError

CHUNK = 64
"""Frames that the codec is handed at a time."""


class LatentModule(nn.Module):
    """Pixels to latents and back, on the device of the dynamics; `WorldModel` adds the rest.

    Attributes:
        dynamics: predicts latents; with more choices of sampling than `WorldModel`.
        codec: frames to raw latents and back.
        codec_folder: what it was read from.
    """

    def __init__(self, dynamics: Dynamics, codec: str | Path) -> None:
        """Join a world model and the codec in a folder that the stage fit wrote.

        Raises:
            DataError: the codec is damaged, or not that of the world model.
            ParamsError: the world model is conditioned by cameras.
        """
        super().__init__()
        dynamics.spec.refuse_cameras("nanowm")
        self.denoiser, self.dynamics = dynamics.denoiser, dynamics
        self.codec = encoders.load_for_model(dynamics.spec, Path(codec)).to(dynamics.device)
        self.codec_folder = Path(codec)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters: float32."""
        return next(self.parameters()).dtype

    @property
    def interval(self) -> int:
        """Environment steps, and so actions, from one frame to the next."""
        return self.dynamics.config.interval

    @property
    def action_dim(self) -> int:
        """Length A of an action."""
        return self.dynamics.spec.action_dim

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(height, width, 3) of the frames that it generates."""
        view = self.dynamics.spec.view
        return view.height, view.width, 3

    def encode(self, frames: Array) -> Tensor:
        """Latents float32 [..., C, h, w], whitened as the dynamics sees them, of uint8 frames.

        Raises:
            UserError: the frames are not uint8 [..., H, W, 3].
        """
        return self._encode(pixels(frames))

    def decode(self, latents: Tensor) -> Tensor:
        """Frames uint8 [..., H, W, 3] on the model's device, of whitened latents [..., C, h, w].

        Raises:
            UserError: the latents are of another shape.
        """
        spec = self.dynamics.spec
        if latents.shape[-3:] != spec.latent_shape:
            expected = ", ".join(map(str, spec.latent_shape))
            raise UserError(f"latents are {list(latents.shape)}, not [..., {expected}]")
        raw = spec.unwhiten(latents.to(self.device, torch.float32))
        parts = raw.reshape(-1, *spec.latent_shape).split(CHUNK)
        decoded = torch.cat([self.codec.decode(part) for part in parts]).permute(0, 2, 3, 1)
        return decoded.reshape(*latents.shape[:-3], *decoded.shape[1:])

    def _encode(self, frames: NDArray[np.uint8]) -> Tensor:
        spec, lead = self.dynamics.spec, frames.shape[:-3]
        flat = frames.reshape(-1, *frames.shape[-3:])
        parts = (flat[first : first + CHUNK] for first in range(0, len(flat), CHUNK))
        raw = torch.cat([self.codec.encode(spec.view.apply(part)).mean for part in parts])
        return spec.whiten(raw.to(self.device, torch.float32)).reshape(*lead, *raw.shape[1:])

    def _noise(
        self, batch: int, sampling: Sampling, generator: torch.Generator | None
    ) -> NextNoise:
        """All noise of one frame, where the generator draws."""
        passes = sampling.options.steps if sampling.sampler.renoises else 1
        shape = (batch, passes, *self.dynamics.spec.latent_shape)
        where = torch.device("cpu") if generator is None else generator.device
        return NextNoise(torch.randn(shape, generator=generator, device=where))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What `to`, `cuda`, `cpu`, `half` and the like call: the codec follows the parameters."""
        probe = fn(torch.empty(0, device=self.device))
        if probe.dtype != torch.float32:
            raise UserError(
                f"the weights stay in float32, not {probe.dtype}; to compute in less, call the "
                "model under torch.autocast"
            )
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.dynamics.device = self.device
        self.dynamics.objective = self.dynamics.objective.to(self.device)
        self.codec = self.codec.to(self.device)
        return self
