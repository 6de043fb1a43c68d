"""Rollouts over several windows, as in planning."""

import re
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.rollout import RolloutInputs, rollout
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.samplers import SAMPLERS
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare
from pipeline.tools.parity.models import objective, tiny

TOLERANCE = 1e-4
WINDOW, CONTEXT, STEPS, STABILISATION = 4, 1, 5, 0.02
NEW = WINDOW - CONTEXT


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`out/SAMPLER_HHORIZON`: the context frame and those generated after it, flattened."""
    arrays.inputs("frame", "act", "init_noise", "hist_noise")
    for name in arrays:
        if match := re.fullmatch(r"out/(full_sequence|pyramid|sequential)_H(\d+)", name):
            ours = _rollout(arrays, folder, match[1], int(match[2]))
            yield compare(name, ours.flatten(2), arrays(name), TOLERANCE)


def _rollout(arrays: Arrays, folder: Folder, sampler: str, horizon: int) -> Tensor:
    frame, actions = arrays("frame"), arrays("act")[:, :horizon]
    module = SAMPLERS.load(sampler, "sampler")
    options = SamplingOptions(
        steps=STEPS,
        spacing="trailing",
        eta=0,
        clip=False,
        stabilisation=STABILISATION,
        context=CONTEXT,
        generate=NEW,
        compile="none",
    )
    # Recorded by window; ours is by frame. The last frame of a window is the next one's context.
    start = torch.cat([window[:, CONTEXT:] for window in arrays("init_noise")], 1)[:, :horizon]
    context = torch.zeros(len(frame), CONTEXT + horizon, *frame.shape[2:])
    for number, mixed in enumerate(arrays("hist_noise")):
        if number * NEW < context.shape[1]:
            context[:, number * NEW] = mixed[:, 0]
    inputs = RolloutInputs(frame, functional.pad(actions, (0, 0, 0, 1)), Noise(start, context))
    model = tiny(folder, "additive").requires_grad_(False)
    sampling = Sampling(module.build(module.Options()), options)
    return torch.cat([frame, rollout(model, objective("v"), WINDOW, inputs, sampling)], 1)
