"""Sampled windows, from recorded noise."""

import re
from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.samplers import SAMPLERS
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare
from pipeline.tools.parity.models import objective, tiny

TOLERANCE, EPSILON_TOLERANCE = 1e-4, 2e-4
SAMPLE = re.compile(
    r"(v|x|epsilon|flow)/(sequential|full_sequence|pyramid)_S(\d+)_h([\d.]+)_ctx(\d+)"
    r"(?:_ngen(\d+))?(_clip)?(?:_eta([\d.]+))?"
)


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`PREDICTION/SAMPLER_SSTEPS_hSTABILISATION_ctxCONTEXT`, with `_ngenN`, `_clip`, `_etaETA`."""
    arrays.inputs("context", "init_noise", "hist_noise", "action", "step_noise_first5")
    for name in arrays:
        if match := SAMPLE.fullmatch(name):
            tolerance = EPSILON_TOLERANCE if match[1] == "epsilon" else TOLERANCE
            yield compare(name, _sample(arrays, folder, match), arrays(name), tolerance)


def _sample(arrays: Arrays, folder: Folder, match: re.Match[str]) -> Tensor:
    prediction, sampler, steps, stabilisation, num_context, generate, clip, eta = match.groups()
    target, num_frames = objective(prediction), int(num_context)
    noise, context = arrays("init_noise"), arrays("context")[:, :num_frames]
    total = noise.shape[1] if generate is None else num_frames + int(generate)
    module = SAMPLERS.load(sampler, "sampler")
    timesteps = ddim_timesteps(int(steps), target.levels)
    matrix = module.build(module.Options()).matrix(total, num_frames, timesteps)
    if float(stabilisation):
        matrix[:, :num_frames] = round(float(stabilisation) * (target.levels - 1))
        level = matrix[0, :num_frames].expand(len(context), -1)
        context = target.noised(context, arrays("hist_noise")[:, :num_frames], level)
    step_noise = iter(arrays("step_noise_first5")) if eta else None
    window = sample(
        tiny(folder, "additive").requires_grad_(False),
        target,
        matrix,
        torch.cat([context, noise[:, num_frames:total]], 1),
        arrays("action")[:, :total],
        clip=bool(clip),
        eta=float(eta or 0),
        draw_noise=(lambda like: next(step_noise)) if step_noise else None,
    )
    # Frames that are not generated stay what they were: noise.
    return torch.cat([window, noise[:, total:]], 1)
