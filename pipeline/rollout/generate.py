"""Generate clips frame by frame, in memory that does not grow with their length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline import encoders
from pipeline.compute import device
from pipeline.diffusion import make as models
from pipeline.diffusion.clip_noise import ClipNoise
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.dynamics import Dynamics
from pipeline.dynamics.load import load_for
from pipeline.encoders import Encoder
from pipeline.errors import DataError
from pipeline.latents.cache import LatentCache
from pipeline.latents.cameras import camera_rows, motions, with_motions
from pipeline.rollout.clips import Clip


@dataclass(frozen=True, slots=True)
class Generator:
    """A world model with its codec, and how it is sampled.

    Attributes:
        model: the world model.
        encoder: its codec.
        sampling: sampler and options.
        seed: of the noise.
    """

    model: Dynamics
    encoder: Encoder
    sampling: Sampling
    seed: int

    def history(self, clips: Sequence[Clip]) -> Tensor:
        """Whitened latents [B, K, C, h, w] of the histories of B clips, cached or encoded here."""
        return torch.stack([self._latents(clip) for clip in clips])

    def latents(self, clips: Sequence[Clip], history: Tensor) -> Iterator[Tensor]:
        """Whitened latents [B, C, h, w] of each frame after the history, one after the other.

        Raises:
            DataError: the model gives NaN or infinity, or is conditioned by cameras that are not
                known.
        """
        actions = torch.stack([self._actions(clip) for clip in clips])
        numbers, stabilised = [clip.number for clip in clips], self.sampling.options.stabilisation
        shape = self.model.spec.latent_shape
        noise = ClipNoise(self.seed, numbers, shape, stabilised=stabilised > 0)
        frame = 0
        for window in self.model.stream(history, actions, noise, self.sampling):
            for latents in window.unbind(1):
                frame += 1
                if not torch.isfinite(latents).all():
                    raise DataError(
                        f"generated frame {frame} is NaN or infinite: the world model has "
                        "diverged, so train it anew, at a lower train.learning_rate"
                    )
                yield latents

    def decode(self, latents: Tensor) -> Tensor:
        """Whitened latents [B, C, h, w] to frames uint8 [B, 3, H, W], on the CPU."""
        return self.encoder.decode(self.model.spec.unwhiten(latents)).cpu()

    def decode_float(self, latents: Tensor) -> Tensor:
        """What `decode` rounds: float32 [B, 3, H, W] in 0..1, on the CPU."""
        return self.encoder.decode_float(self.model.spec.unwhiten(latents)).cpu()

    def encode(self, frames: Tensor, states: Tensor | None = None) -> Tensor:
        """Frames uint8 [B, 3, H, W] of the model's size, or states [B, S], to whitened latents.

        Raises:
            UserError: the encoder takes states, and there are none.
        """
        fed = states if self.encoder.takes == "states" and states is not None else frames
        mean = self.encoder.encode(fed).mean
        return self.model.spec.whiten(mean.float()).cpu()

    def _actions(self, clip: Clip) -> Tensor:
        """Actions [K - 1 + F, interval, A], followed by motions if cameras condition the model."""
        if self.model.spec.camera_scale is None:
            return clip.actions
        if clip.cameras is None:
            raise DataError(
                f"{clip.episode}: its cameras are not known, but they condition the world model; "
                "roll out recorded or simulated episodes that have cameras, or give --cameras"
            )
        rows = camera_rows(clip.cameras, clip.history.shape[1:3])
        return torch.from_numpy(with_motions(clip.actions.numpy(), motions(rows)[:-1]))

    def _latents(self, clip: Clip) -> Tensor:
        if clip.latents is not None:
            return clip.latents
        states = None if clip.states is None else torch.from_numpy(clip.states[: len(clip.history)])
        return self.encode(self.model.spec.view.apply(clip.history), states)


def load_frames_model(
    world_model: Path, codec: Path, cache: LatentCache
) -> tuple[WorldModel, Encoder]:
    """`load` for what rolls out frames alone.

    Raises:
        DataError: it is a state model, or see `load`.
    """
    model = models.load(world_model, device.pick(), cache)
    return model, encoders.load_for(model.spec, codec).to(device.pick())


def load(world_model: Path, codec: Path, cache: LatentCache) -> tuple[Dynamics, Encoder]:
    """A world model and its codec, on this machine's device.

    Raises:
        DataError: one is missing or damaged, or they do not belong to each other or to the cache.
    """
    model = load_for(world_model, device.pick(), cache)
    return model, encoders.load_for(model.spec, codec).to(device.pick())
