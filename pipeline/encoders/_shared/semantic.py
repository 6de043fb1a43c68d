"""Features that were not made to be decoded, with a small decoder that draws what they tell."""

import json
from pathlib import Path
from typing import Protocol, Self

import torch
from pydantic import BaseModel, Json, PositiveInt
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from pipeline import stage
from pipeline.compute.device import device_of
from pipeline.encoders import Draws, Posterior
from pipeline.encoders._shared.decoder import Decoder, DecoderOptions, Widths
from pipeline.encoders._shared.descent import Descent
from pipeline.encoders._shared.pixels import painted, scaled

L1_WEIGHT = 0.02
"""Of the absolute error, which keeps black black."""
MEASURED = 8
"""Batches whose latents give the decoder its statistics."""


class Header(BaseModel):
    """What decoder.safetensors says of itself: inputs, channels and size of the decoder."""

    decoder: Json[tuple[PositiveInt, Widths, tuple[PositiveInt, PositiveInt]]]


class Backbone(Protocol):
    """What sees. It is in inference mode and holds no random state."""

    def to(self, device: torch.device) -> Self:
        """Move to a device; see `pipeline.encoders.Encoder`."""

    def encode(self, frames: Tensor) -> Tensor:
        """Frames uint8 [B, 3, H, W] to features float32 [B, C, h, w], without gradient."""

    def save(self, folder: Path) -> None:
        """Write what finds or makes the backbone again into an existing folder."""


class Semantic:
    """See `pipeline.encoders.Encoder`; the latents are the backbone's own."""

    stochastic = False
    published_scale: float | None = None
    draws: Draws = "fitted"

    def __init__(self, backbone: Backbone, decoder: Decoder) -> None:
        """Bring a fitted decoder together with the backbone that it was fitted to."""
        self.backbone = backbone
        self.decoder = decoder.eval().requires_grad_(False)

    def to(self, device: torch.device) -> Self:
        """Move both to a device."""
        self.backbone.to(device)
        self.decoder.to(device)
        return self

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the backbone's features [B, C, h, w]."""
        return Posterior(self.backbone.encode(frames), None)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Features [B, C, h, w] to frames uint8 [B, 3, H, W]."""
        return painted(self.decoder(latents.to(device_of(self.decoder))))

    def save(self, folder: Path) -> None:
        """Write decoder.safetensors beside what the backbone writes."""
        self.backbone.save(folder)
        shape = [self.decoder.inputs, self.decoder.channels, self.decoder.size]
        # One entry: the header keeps several in no fixed order, and the bytes must not change.
        header = {"decoder": json.dumps(shape)}
        save_file(self.decoder.state_dict(), folder / "decoder.safetensors", header)


def fit_semantic(
    backbone: Backbone, frames: Tensor, options: DecoderOptions, seed: int
) -> Semantic:
    """Fit a decoder by regression of training frames uint8 [N, 3, H, W] on their features.

    Frames are encoded batch by batch, as they are drawn: their features need no room. The decoder
    is fitted where the backbone stands.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return frames[torch.randint(len(frames), (options.batch,), generator=generator)]

    first = torch.cat([backbone.encode(draw()) for _ in range(MEASURED)])
    height, width = frames.shape[2:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        decoder = Decoder(first.shape[1], options.channels, (height, width))
    decoder.to(first.device).measure(first)
    descent = Descent(decoder.parameters(), options.learning_rate, options.steps)
    for _ in stage.track(range(options.steps), "fit decoder"):
        batch = draw()
        pixels = scaled(batch.to(first.device))
        decoded = decoder(backbone.encode(batch))
        loss = functional.mse_loss(decoded, pixels)
        descent.step(loss + L1_WEIGHT * functional.l1_loss(decoded, pixels))
    return Semantic(backbone, decoder)


def load_semantic(backbone: Backbone, folder: Path) -> Semantic:
    """Read the decoder that `Semantic.save` wrote, for the same backbone.

    Raises:
        ValueError: its file does not say its shape.
    """
    path = folder / "decoder.safetensors"
    with safe_open(path, "pt") as file:
        header = Header.model_validate(file.metadata() or {})
    decoder = Decoder(*header.decoder)
    decoder.load_state_dict(load_file(path))
    return Semantic(backbone, decoder)
