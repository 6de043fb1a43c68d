"""Whether a model listens to its actions, measured before it is planned with."""

import numpy as np
import torch
from torch import Tensor

from pipeline.diffusion.sampling import Sampling
from pipeline.dynamics import Dynamics
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.metrics.schema.plan import Listening

CLIPS = 64


def measure_listening(
    model: Dynamics, cache: LatentCache, sampling: Sampling, seed: int
) -> Listening | None:
    """Errors of validation windows from their first frame, under own and exchanged actions.

    Returns:
        Mean squared errors of whitened latents over up to 64 windows; None if there are not two.
    """
    windows = Windows(
        cache.whitened_by(model.spec),
        "val",
        model.config.frames,
        model.config.interval,
        "train.frames",
        every=False,
    )
    if len(windows) < 2:
        return None
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(windows), generator=generator)[:CLIPS].numpy().astype(np.int64)
    latents, actions = windows.latents(rows, None), windows.actions(rows)
    history, truth = latents[:, :1], latents[:, 1:]
    noise = sampling.noise(len(rows), 1, truth.shape[1], model.spec.latent_shape, generator)

    def error(actions: Tensor) -> float:
        frames = model.rollout(history, actions[:, :-1], noise, sampling).cpu()
        return float((frames - truth).square().mean())

    return Listening(own=error(actions), shuffled=error(actions.roll(1, 0)))


def remark(listening: Listening) -> str | None:
    """One line on a model that does not listen, with what to try; None on one that does."""
    if not listening.deaf:
        return None
    return (
        f"the model hardly listens to its actions: its error is {listening.own:.3g} under the "
        f"recorded ones and {listening.shuffled:.3g} under another clip's; plans cannot be better "
        "than chance. Look whether the encoder keeps what moves (report: reconstructions), train "
        "longer (train.steps), or try denoisers.nanowm.injection: adaln"
    )
