"""What a run will cost before it starts: operations, hours and bytes, all of them estimates."""

import math
from dataclasses import dataclass

from pipeline.denoisers import Size
from pipeline.families import DATASETS, DENOISERS
from pipeline.params import Settings
from pipeline.tools.reproduce.published import Data, Latent, Run
from pipeline.train import Options as Train
from pipeline.train.memory.cost import TRAINING, forward_flops, parameters
from pipeline.train.setup import variant_config

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
"""Peak FLOP/s of dense bfloat16 products summed in float32, by NVIDIA's data sheets (SXM)."""
SHARE = 0.4
"""Assumed share of the peak that training reaches; unmeasured."""
FLOAT16, FLOAT32 = 2, 4
COPIES = 3
"""Of the weights in a state to resume from, in float32: themselves and AdamW's two moments."""
STATES = 3
"""To resume from, at most: the last two, and a new one until it is whole. The trained model is
written beside the two, and is smaller than a state."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of training one run.

    Attributes:
        parameters: of the denoiser.
        steps: of the optimiser.
        clips: seen in them, each as often as it is drawn.
        flops: of all steps, 2 a multiply-add; without encoding.
        latent_bytes: of the cache.
        state_bytes: of the states to resume from, while there are most of them; those kept too.
    """

    parameters: int
    steps: int
    clips: int
    flops: int
    latent_bytes: int
    state_bytes: int

    def hours(self, peak: float) -> float:
        """GPU-hours on devices of a peak in FLOP/s, if they reach SHARE of it."""
        return self.flops / (peak * SHARE) / 3600


def cost(run: Run, data: Data, settings: Settings) -> Cost:
    """What the run takes whose params.yaml `settings` are, on the published data set."""
    train, denoiser = settings.section("train", Train), variant_config(settings, DENOISERS)
    shapes = size(run, data, settings)
    weights, forward = parameters(denoiser, shapes), forward_flops(denoiser, shapes)
    clips = train.steps * train.batch
    kept = train.steps // train.keep_every if train.keep_every else 0
    return Cost(
        parameters=weights,
        steps=train.steps,
        clips=clips,
        flops=TRAINING * forward * clips,
        latent_bytes=latent_bytes(run.latent, data.frames),
        state_bytes=weights * FLOAT32 * COPIES * (STATES + kept),
    )


def size(run: Run, data: Data, settings: Settings) -> Size:
    """The shapes that the published data set imposes on a run's network."""
    train = settings.section("train", Train)
    interval = train.interval or settings.variant(DATASETS).build().interval
    return Size(
        latent_shape=run.latent.shape,
        action_dim=interval * data.action_dim,
        frames=train.frames,
    )


def latent_bytes(latent: Latent, frames: int) -> int:
    """Bytes of the latents of so many frames, in float16."""
    return frames * math.prod(latent.shape) * latent.arrays * FLOAT16
