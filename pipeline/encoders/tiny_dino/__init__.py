"""A small vision transformer that teaches itself on the data (Caron et al. 2021, DINO).

A student must say of one crop of a frame what its slow average, the teacher, says of another, and
of hidden patches what the teacher, which sees them, says there (Zhou et al. 2022, iBOT): a world
model sees the features of patches.
"""

import copy
import math
from pathlib import Path

import torch
from pydantic import Field, model_validator
from torch import Tensor

from pipeline import stage
from pipeline.encoders._shared.decoder import DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.encoders._shared.optimiser import Optimiser, ema_update
from pipeline.encoders._shared.pixels import to_float
from pipeline.encoders._shared.tiny_codec import fit_components, load_components
from pipeline.encoders._shared.tiny_vit import Architecture, TinyVit, take
from pipeline.encoders.tiny_dino.losses import Network, crops, cross_entropy, hide, moved

WEIGHT_DECAY = 0.04


class Options(Architecture):
    """The transformer, how it learns, and how much is kept of its patch features."""

    channels: int = Field(gt=0, description="principal components kept of a patch's features")
    prototypes: int = Field(gt=1, description="that features are compared by")
    crop: float = Field(gt=0, le=1, description="smallest side of a view, of the frame's")
    hidden: float = Field(gt=0, lt=1, description="share of the patches the student must guess")
    momentum: float = Field(ge=0, le=1, description="of the teacher; rises to 1 until the end")
    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    decoder: DecoderOptions

    @model_validator(mode="after")
    def _channels_fit_the_width(self) -> "Options":
        if self.channels > self.width:
            raise ValueError(f"channels = {self.channels} must not exceed width = {self.width}")
        return self


def fit(frames: Tensor, options: Options, seed: int) -> FeatureCodec:
    """Fit to training frames uint8 [N, 3, H, W]: transformer, components, then the decoder."""
    backbone = fit_components(pretrain(frames, options, seed).vit, frames, options.channels)
    return fit_feature_codec(backbone, frames, options.decoder, seed)


def load(folder: Path, options: Options) -> FeatureCodec:
    """Read what `save` wrote."""
    backbone = load_components(TinyVit(options), folder, options.channels)
    return load_feature_codec(backbone, folder)


def pretrain(frames: Tensor, options: Options, seed: int) -> Network:
    """The teacher, after a student has learned from it on frames uint8 [N, 3, H, W].

    Raises:
        ParamsError: the patches do not tile the frames.
    """
    options.grid(frames, "encoders.tiny_dino")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # layers are initialised from the global generator
        student = Network(options, options.prototypes)
    teacher = copy.deepcopy(student).requires_grad_(False)
    centre, patch_centre = torch.zeros(2, options.prototypes)
    optimiser = Optimiser(student.parameters(), options.learning_rate, options.steps, WEIGHT_DECAY)
    for step in stage.track(range(options.steps), "fit tiny_dino"):
        rows = torch.randint(len(frames), (options.batch,), generator=generator)
        # Two views of each frame; the second half of the batch repeats the first.
        views = crops(to_float(frames[rows]).repeat(2, 1, 1, 1), options.crop, generator)
        target, teacher_tokens = teacher(views)
        unseen = hide(len(views), teacher_tokens.shape[1], options.hidden, generator)
        guess, tokens = student(student.cover(views, unseen))
        patch_target = teacher.head(take(teacher_tokens, unseen))
        # Each view as a whole is compared with the other one, hidden patches with their own view.
        loss = cross_entropy(guess, target.roll(options.batch, 0), centre)
        loss = loss + cross_entropy(student.head(take(tokens, unseen)), patch_target, patch_centre)
        optimiser.step(loss)
        slowness = (1 + math.cos(math.pi * step / options.steps)) / 2
        ema_update(teacher, student, 1 - (1 - options.momentum) * slowness)
        centre, patch_centre = moved(centre, target), moved(patch_centre, patch_target)
    return teacher
