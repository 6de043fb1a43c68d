"""Estimated cost of a run: operations, hours and bytes."""

import math
from dataclasses import dataclass

from pipeline.tools.reproduce.published import Data, Latent, Run
from pipeline.train import Options as Train
from pipeline.train.memory import TRAINING

DEVICES = {
    "b200": 2250e12,
    "h200": 989e12,
    "h100": 989e12,
    "a100": 312e12,
    "l40s": 362e12,
    "h20": 148e12,
    "rtx5090": 210e12,
    "rtx4090": 165e12,
    "rtx3090": 71e12,
}
"""Peak FLOP/s of dense bfloat16 with float32 accumulation, from NVIDIA's data sheets (SXM)."""
UTILISATION = 0.4
"""Assumed MFU (model FLOP/s utilisation) of training; not measured."""
FLOAT16, FLOAT32 = 2, 4
COPIES = 3
"""Tensors per weight in a training checkpoint, in float32: the weight and AdamW's two moments."""
CHECKPOINTS = 3
"""Largest number of training checkpoints at a time: the last two, and one that is being written.
The trained model is written beside the two, and is smaller than a checkpoint."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Estimated cost of training one run.

    Attributes:
        parameters: of the denoiser.
        steps: optimiser steps.
        clips: drawn in all steps.
        flops: of all steps, 2 per multiply-add; without encoding.
        latent_bytes: of the latent cache.
        state_bytes: of the training checkpoints, at their largest number, kept ones included.
    """

    parameters: int
    steps: int
    clips: int
    flops: int
    latent_bytes: int
    state_bytes: int

    def hours(self, peak: float) -> float:
        """GPU-hours on devices of a peak in FLOP/s, at UTILISATION."""
        return self.flops / (peak * UTILISATION) / 3600


def cost(run: Run, data: Data, train: Train) -> Cost:
    """Cost of a run with these options of training on the published data set."""
    clips = train.steps * train.batch
    kept = train.steps // train.keep_every if train.keep_every else 0
    states = CHECKPOINTS + kept
    return Cost(
        parameters=run.network.parameters,
        steps=train.steps,
        clips=clips,
        flops=TRAINING * run.network.forward_flops * clips,
        latent_bytes=latent_bytes(run.latent, data.frames),
        state_bytes=run.network.parameters * FLOAT32 * COPIES * states,
    )


def latent_bytes(latent: Latent, frames: int) -> int:
    """Bytes of the latents of a number of frames, in float16."""
    return frames * math.prod(latent.shape) * latent.arrays * FLOAT16
