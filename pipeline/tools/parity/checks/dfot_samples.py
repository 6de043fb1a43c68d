"""Windows sampled from recorded noise."""

import re
from collections.abc import Iterator

import torch
from torch import Tensor

from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.families import SAMPLERS
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
        if found := SAMPLE.fullmatch(name):
            tolerance = EPSILON_TOLERANCE if found[1] == "epsilon" else TOLERANCE
            yield compare(name, _sample(arrays, folder, found), arrays(name), tolerance)


def _sample(arrays: Arrays, folder: Folder, found: re.Match[str]) -> Tensor:
    prediction, order, steps, stabilisation, context, generate, clip, eta = found.groups()
    chosen, known = objective(prediction), int(context)
    noise, given = arrays("init_noise"), arrays("context")[:, :known]
    total = noise.shape[1] if generate is None else known + int(generate)
    module = SAMPLERS.load(order, "sampler")
    timesteps = ddim_timesteps(int(steps), chosen.levels)
    matrix = module.build(module.Options()).matrix(total, known, timesteps)
    if float(stabilisation):
        matrix[:, :known] = round(float(stabilisation) * (chosen.levels - 1))
        level = matrix[0, :known].expand(len(given), -1)
        given = chosen.noised(given, arrays("hist_noise")[:, :known], level)
    fresh = iter(arrays("step_noise_first5")) if eta else None
    window = sample(
        tiny(folder, "additive").requires_grad_(False),
        chosen,
        matrix,
        torch.cat([given, noise[:, known:total]], 1),
        arrays("action")[:, :total],
        clip=bool(clip),
        eta=float(eta or 0),
        draw_noise=(lambda like: next(fresh)) if fresh else None,
    )
    # Frames that are not generated stay what they were: noise.
    return torch.cat([window, noise[:, total:]], 1)
