"""Denoisers: the networks of a world model."""

from torch import Tensor, nn


class Denoiser(nn.Module):
    """A network; `denoisers/NAME.py` offers `Options` and `build(options, size)`."""

    causal: bool
    """Whether a frame's output never depends on later frames."""

    def forward(self, noisy: Tensor, level: Tensor, actions: Tensor) -> Tensor:
        """What the objective regresses, [B, T, C, h, w].

        Args:
            noisy: latents [B, T, C, h, w], T at most the window.
            level: int64 [B, T], diffusion timestep of each frame, 0 for the least noise.
            actions: [B, T, A]; actions[:, i] leads from frame i to i + 1, the last one is unused.
        """
        raise NotImplementedError
