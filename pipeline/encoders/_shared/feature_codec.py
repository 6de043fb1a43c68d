"""Frozen features as latents, with a small decoder fitted to them."""

import json
from pathlib import Path
from typing import Annotated, Self

import torch
from pydantic import Field, Json, PositiveInt
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from pipeline import stage
from pipeline.compute.device import device_of
from pipeline.compute.optimiser import Optimiser
from pipeline.encoders import REMEDY, Posterior
from pipeline.encoders._shared.backbone import Backbone
from pipeline.encoders._shared.decoder import Decoder, DecoderOptions, Widths
from pipeline.encoders._shared.pixels import PixelDecoder, to_float
from pipeline.encoders._shared.reduced_backbone import ReducedBackbone
from pipeline.files.json_model import FileModel
from pipeline.files.tensors import read_tensors
from pipeline.latents.spec import LatentShape
from pipeline.weights.state_dict import differences

L1_WEIGHT = 0.02
"""Of the absolute error, which keeps black black."""
STATISTICS_BATCHES = 8
"""Batches whose latents give the decoder its statistics."""


Side = Annotated[int, Field(gt=0, le=2**14)]


class Header(FileModel):
    """Metadata of decoder.safetensors: inputs, channels and size of the decoder."""

    decoder: Json[tuple[PositiveInt, Widths, tuple[Side, Side]]]


class FeatureCodec(PixelDecoder):
    """An encoder whose latents are the features of a frozen backbone."""

    stochastic = False
    published_scale = None
    decoder_kind = "fitted"

    def __init__(self, backbone: Backbone, decoder: Decoder, pool: int | None = None) -> None:
        """Combine a backbone with the decoder that was fitted to it.

        Args:
            backbone: computes the features.
            decoder: maps them back to frames.
            pool: the encoder's option of that name, if it has one.
        """
        self.backbone, self.pool = backbone, pool
        self.decoder = decoder.eval().requires_grad_(False)

    def to(self, device: torch.device) -> Self:
        """Move backbone and decoder to a device."""
        self.backbone.to(device)
        self.decoder.to(device)
        return self

    def encode(self, frames: Tensor) -> Posterior:
        """Frames uint8 [B, 3, H, W] to the backbone's features [B, C, h, w]."""
        return Posterior(self.backbone.encode(frames), None)

    def pixels(self, latents: Tensor) -> Tensor:
        """Features [B, C, h, w] to pixels [B, 3, H, W] around -1..1."""
        return self.decoder(latents.to(device_of(self.decoder)))

    def save(self, folder: Path) -> None:
        """Write decoder.safetensors beside the files of the backbone."""
        self.backbone.save(folder)
        shape = [self.decoder.inputs, self.decoder.channels, self.decoder.size]
        # One entry: the header keeps several in no fixed order, and the bytes must not change.
        header = {"decoder": json.dumps(shape)}
        save_file(self.decoder.state_dict(), folder / "decoder.safetensors", header)

    def smaller(self, latent_shape: LatentShape) -> dict[str, LatentShape]:
        """The next larger `pool`, where there is that option, and half the `channels`."""
        channels, height, width = latent_shape
        sides = [n for n in range(2, min(height, width) + 1) if not (height % n or width % n)]
        options: dict[str, LatentShape] = {}
        if self.pool is not None and sides:
            pooled = (channels, height // sides[0], width // sides[0])
            options[f"pool: {self.pool * sides[0]}"] = pooled
        if channels > 1:
            options[f"channels: {channels // 2}"] = (channels // 2, height, width)
        return options

    def fit_metrics(self, frames: Tensor) -> dict[str, float | None]:
        """`kept_variance`, if the features are reduced."""
        if isinstance(self.backbone, ReducedBackbone):
            return {"kept_variance": self.backbone.kept_variance(frames)}
        return {}


def fit_feature_codec(
    backbone: Backbone, frames: Tensor, options: DecoderOptions, seed: int, pool: int | None = None
) -> FeatureCodec:
    """Fit a decoder by regression of training frames uint8 [N, 3, H, W] on their features.

    Frames are encoded batch by batch, as they are drawn, so their features are never kept. The
    decoder is fitted on the device of the backbone. `pool` is as in `FeatureCodec`.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return frames[torch.randint(len(frames), (options.batch,), generator=generator)]

    features = torch.cat([backbone.encode(draw()) for _ in range(STATISTICS_BATCHES)])
    height, width = frames.shape[2:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        decoder = Decoder(features.shape[1], options.channels, (height, width))
    decoder.to(features.device).set_statistics(features)
    optimiser = Optimiser(decoder.parameters(), options.learning_rate, options.steps)
    for _ in stage.track(range(options.steps), "fit decoder"):
        batch = draw()
        pixels = to_float(batch.to(features.device))
        decoded = decoder(backbone.encode(batch))
        loss = functional.mse_loss(decoded, pixels)
        optimiser.step(loss + L1_WEIGHT * functional.l1_loss(decoded, pixels))
    return FeatureCodec(backbone, decoder, pool)


def load_feature_codec(backbone: Backbone, folder: Path, pool: int | None = None) -> FeatureCodec:
    """Read the decoder that `FeatureCodec.save` wrote, for the same backbone.

    Raises:
        ValueError: the header of its file does not hold the decoder's shape, or another one.
    """
    path = folder / "decoder.safetensors"
    tensors = read_tensors(path, REMEDY)
    with safe_open(path, "pt") as file:
        header = Header.model_validate(file.metadata() or {})
    with torch.device("meta"):
        decoder = Decoder(*header.decoder)
    if wrong := differences(decoder.state_dict(), tensors):
        raise ValueError(f"{path.name}: {'; '.join(wrong)}")
    decoder.load_state_dict({name: value.float() for name, value in tensors.items()}, assign=True)
    return FeatureCodec(backbone, decoder, pool)
