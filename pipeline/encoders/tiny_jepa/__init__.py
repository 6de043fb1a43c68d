"""Masked latent prediction on single frames of the data set itself (I-JEPA, Assran et al. 2023).

A context encoder sees the visible patches of a frame; from its tokens a narrow predictor regresses
the tokens of the masked patches by a target encoder, the EMA of the context encoder, which sees the
whole frame. No pixel is reconstructed. As constant backgrounds are easiest to predict, VICReg terms
keep the tokens of different frames apart (C-JEPA, Mo & Tong 2024).
"""

from pathlib import Path

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from pipeline import stage
from pipeline.compute.optimiser import Optimiser
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.pixels import to_float
from pipeline.encoders._shared.tiny_codec import fit_components, load_components
from pipeline.encoders._shared.tiny_vit import Architecture
from pipeline.encoders.tiny_jepa.networks import Jepa, block_mask, vicreg_terms
from pipeline.errors import ParamsError

WEIGHT_DECAY = 0.05


class Options(Architecture):
    """Transformer, masked prediction, and reduction of the patch features."""

    channels: int = Field(gt=0, description="principal components kept of a patch's features")
    momentum: float = Field(ge=0, le=1, description="of the target's EMA; rises to 1 over training")
    variance: float = Field(ge=0, description="weight of VICReg's variance term; 0: plain I-JEPA")
    covariance: float = Field(
        ge=0, description="weight of VICReg's covariance term; 0: plain I-JEPA"
    )
    steps: int = Field(gt=0)
    batch: int = Field(gt=1)
    learning_rate: float = Field(gt=0)
    decoder: DecoderOptions

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the patches of frames of this size in pixels.

        Raises:
            ParamsError: the patches do not tile the frames, or are fewer than 3 x 3.
        """
        rows, columns = self.grid(height, width, "encoders.tiny_jepa")
        if min(rows, columns) < 3:
            raise ParamsError(
                f"encoders.tiny_jepa.patch = {self.patch} leaves {rows} x {columns} patches of a "
                "frame; choose a smaller one, so that there are at least 3 x 3 to hide some of"
            )
        return rows, columns

    @model_validator(mode="after")
    def _sizes_fit_together(self) -> "Options":
        if self.width % (8 * self.heads):
            raise ValueError(f"width = {self.width} must be a multiple of 8 x heads")
        if self.channels > self.width:
            raise ValueError(f"channels = {self.channels} must not exceed width = {self.width}")
        return self


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Train transformer, principal components and decoder on frames uint8 [N, 3, H, W]."""
    target = pretrain(frames, options, seed).target
    backbone = fit_components(target, frames, options.channels)
    return fit_feature_codec(backbone, frames, options.decoder, seed)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote."""
    backbone = load_components(options, folder, options.channels)
    return load_feature_codec(backbone, folder)


def pretrain(frames: Tensor, options: Options, seed: int) -> Jepa:
    """The networks after masked prediction on frames uint8 [N, 3, H, W].

    Raises:
        ParamsError: the frames have fewer than 3 x 3 patches, or patches do not tile them.
    """
    grid = options.latent_grid(*frames.shape[2:])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        jepa = Jepa(options)
    generator = torch.Generator().manual_seed(seed)
    learned = [*jepa.context.parameters(), *jepa.predictor.parameters()]
    optimiser = Optimiser(learned, options.learning_rate, options.steps, WEIGHT_DECAY)
    for step in stage.track(range(options.steps), "fit tiny_jepa"):
        rows = torch.randint(len(frames), (options.batch,), generator=generator)
        optimiser.step(loss(jepa, to_float(frames[rows]), block_mask(grid, generator), options))
        jepa.update_target(options.momentum + (1 - options.momentum) * step / options.steps)
    return jepa


def loss(jepa: Jepa, pixels: Tensor, hidden: Tensor, options: Options) -> Tensor:
    """Loss [] of the predictions for pixels [B, 3, H, W] under one mask `hidden`, bool [h, w].

    All frames share the mask: VICReg must not tell frames apart by their masks.
    """
    tokens, predicted = jepa(pixels, hidden)
    error = functional.smooth_l1_loss(predicted, jepa.targets(pixels, hidden))
    variance, covariance = vicreg_terms(tokens)
    return error + options.variance * variance + options.covariance * covariance
