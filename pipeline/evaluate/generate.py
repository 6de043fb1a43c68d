"""Generate clips with a world model, decode them, and compute their latent errors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.dynamics import Dynamics
from pipeline.encoders import Encoder
from pipeline.evaluate.clips import Clips
from pipeline.latents.spec import LatentSpec
from pipeline.metrics.frames import FrameMetrics


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A world model, how it is sampled, and the encoder that decodes its latents.

    Attributes:
        model: the world model.
        encoder: decodes latents.
        sampling: sampler and options.
        context: frames of a clip that the model is given.
        spec: of the cache; errors are in units of its whitened latents, however the model whitens.
        metrics: scores of frames.
    """

    model: Dynamics
    encoder: Encoder
    sampling: Sampling
    context: int
    spec: LatentSpec
    metrics: FrameMetrics

    def decode(self, latents: Tensor) -> Tensor:
        """Whitened latents [B, F, C, h, w] to frames uint8 [B, F, 3, H, W]."""
        raw = self.model.spec.unwhiten(latents.cpu())
        return self.encoder.decode(raw.flatten(0, 1)).cpu().unflatten(0, raw.shape[:2])

    def decode_float(self, latents: Tensor) -> Tensor:
        """Whitened latents [B, F, C, h, w] to frames float32 [B, F, 3, H, W] in 0..1."""
        raw = self.model.spec.unwhiten(latents.cpu())
        return self.encoder.decode_float(raw.flatten(0, 1)).cpu().unflatten(0, raw.shape[:2])

    def error(self, latents: Tensor, truth: Tensor) -> Tensor:
        """Mean squared error [B, F] of the model's latents [B, F, C, h, w]."""
        return self.model.spec.squared_error(latents, truth, self.spec)

    def noise(self, clips: Clips, generator: torch.Generator) -> Noise:
        """Draw the noise for rollouts of clips."""
        batch, frames = clips.latents.shape[:2]
        shape = self.model.spec.latent_shape
        return self.sampling.noise(batch, self.context, frames - self.context, shape, generator)

    def generate(self, clips: Clips, actions: Tensor, noise: Noise) -> Tensor:
        """Latents [B, F, C, h, w] of all frames of the clips after their context."""
        history = clips.latents[:, : self.context]
        return self.model.rollout(history, actions[:, :-1], noise, self.sampling).cpu()
