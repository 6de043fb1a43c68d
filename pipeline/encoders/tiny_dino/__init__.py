"""A small vision transformer, self-distilled on the data set itself (DINO, Caron et al. 2021).

The student predicts, from one crop of a frame, the prototypes that the teacher (its EMA) assigns to
another crop, and those of masked patches (iBOT, Zhou et al. 2022), as latents are patch features.
"""

import copy
import math
from pathlib import Path

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline import stage
from pipeline.compute.optimiser import Optimiser, ema_update
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.pixels import to_float
from pipeline.encoders._shared.tiny_codec import fit_components, load_components
from pipeline.encoders._shared.tiny_vit import Architecture, gather_tokens
from pipeline.encoders.tiny_dino.losses import (
    DinoNetwork,
    cross_entropy,
    random_crops,
    random_patches,
    update_centre,
)

WEIGHT_DECAY = 0.04


class Options(Architecture):
    """Transformer, self-distillation, and reduction of the patch features."""

    channels: int = Field(gt=0, description="principal components kept of a patch's features")
    prototypes: int = Field(gt=1, description="outputs of the projection head")
    crop: float = Field(
        gt=0, le=1, description="smallest side of a crop, as a share of the frame's"
    )
    hidden: float = Field(gt=0, lt=1, description="share of the patches masked for the student")
    momentum: float = Field(
        ge=0, le=1, description="of the teacher's EMA; rises to 1 over training"
    )
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    decoder: DecoderOptions

    def latent_grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the patches of frames of this size in pixels.

        Raises:
            ParamsError: the patches do not tile the frames.
        """
        return self.grid(height, width, "encoders.tiny_dino")

    @model_validator(mode="after")
    def _channels_fit_the_width(self) -> "Options":
        if self.channels > self.width:
            raise ValueError(f"channels = {self.channels} must not exceed width = {self.width}")
        return self


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Train transformer, principal components and decoder on frames uint8 [N, 3, H, W]."""
    backbone = fit_components(pretrain(frames, options, seed).vit, frames, options.channels)
    return fit_feature_codec(backbone, frames, options.decoder, seed)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Load what `save` wrote."""
    backbone = load_components(options, folder, options.channels)
    return load_feature_codec(backbone, folder)


def pretrain(frames: Tensor, options: Options, seed: int) -> DinoNetwork:
    """The teacher after self-distillation on frames uint8 [N, 3, H, W].

    Raises:
        ParamsError: the patches do not tile the frames.
    """
    options.latent_grid(*frames.shape[2:])
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        student = DinoNetwork(options, options.prototypes)
    teacher = copy.deepcopy(student).requires_grad_(False)
    centre, patch_centre = torch.zeros(2, options.prototypes)
    optimiser = Optimiser(student.parameters(), options.learning_rate, options.steps, WEIGHT_DECAY)
    for step in stage.track(range(options.steps), "fit tiny_dino"):
        rows = torch.randint(len(frames), (options.batch,), generator=generator)
        # Two views of each frame; the second half of the batch repeats the first.
        views = random_crops(to_float(frames[rows]).repeat(2, 1, 1, 1), options.crop, generator)
        target, teacher_tokens = teacher(views)
        masked = random_patches(len(views), teacher_tokens.shape[1], options.hidden, generator)
        prediction, tokens = student(student.mask(views, masked))
        patch_target = teacher.head(gather_tokens(teacher_tokens, masked))
        # The image-level loss pairs a view with the other one, the patch loss with the same view.
        loss = cross_entropy(prediction, target.roll(options.batch, 0), centre)
        loss = loss + cross_entropy(
            student.head(gather_tokens(tokens, masked)), patch_target, patch_centre
        )
        optimiser.step(loss)
        cosine = (1 + math.cos(math.pi * step / options.steps)) / 2
        ema_update(teacher, student, 1 - (1 - options.momentum) * cosine)
        centre = update_centre(centre, target)
        patch_centre = update_centre(patch_centre, patch_target)
    return teacher
