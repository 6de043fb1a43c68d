"""Rollouts: frame after frame from a history, in a window that slides along."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.sample import Prefix, ddim_timesteps, sample
from pipeline.diffusion.sampling import Noise, Sampling
from pipeline.objectives import Objective

SharedPrefix = Callable[[Denoiser, int], Prefix]
"""The history's frames from that place on, at the beginning of a window, run by the network."""


@dataclass(frozen=True, slots=True)
class RolloutInputs:
    """Where a rollout of F frames starts, and the actions that it follows.

    Attributes:
        history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
        actions: [B, K + F, A], scaled as network input; the last is never used.
        noise: drawn by `Sampling.noise`.
    """

    history: Tensor
    actions: Tensor
    noise: Noise


def rollout(
    denoiser: Denoiser,
    objective: Objective,
    window: int,
    inputs: RolloutInputs,
    sampling: Sampling,
    shared: SharedPrefix | None = None,
) -> Tensor:
    """Frames [B, F, C, h, w] that follow a history, in windows of at most `window` frames.

    Each window holds up to `options.context` context frames, then up to `options.generate` new
    ones. With stabilisation the network sees slightly noised context frames, at that noise level
    (Song et al. 2025, sec. 5.2; df_sample.py of the reference); the returned frames are clean.
    `shared` makes the KV cache of the history's frames; None runs them. It is called only where
    they are clean and the denoiser is causal.

    Raises:
        ValueError: there are more or fewer actions than frames, or noise is missing.
    """
    _check(inputs, sampling.options)
    options, noise = sampling.options, inputs.noise
    frames = inputs.history  # [B, K, C, h, w], grows to [B, K + F, C, h, w]
    history_len = frames.shape[1]
    total = history_len + noise.start.shape[1]
    max_context = window - 1
    timesteps = ddim_timesteps(options.steps, objective.levels, options.spacing)
    while (num_frames := frames.shape[1]) < total:
        num_context = min(num_frames, options.context or max_context)
        num_new = min(options.generate or max_context, window - num_context, total - num_frames)
        first = num_frames - num_context  # place of the window's first frame in the rollout
        # [rows, num_context + num_new]
        matrix = sampling.sampler.matrix(num_context + num_new, num_context, timesteps)
        context = frames[:, -num_context:]  # [B, num_context, C, h, w]
        if noise.context is not None:
            matrix[:, :num_context] = _context_level(options, timesteps, objective.levels)
            level = matrix[0, :num_context].expand(len(context), -1).to(context.device)
            # Each frame keeps its noise from window to window, and it is never mixed in twice.
            mixed = _expand(noise.context[:, first:num_frames], context)
            context = objective.noised(context, mixed, level)
        start = _expand(noise.start[:, num_frames - history_len :][:, :num_new], frames)
        known = shared if first < history_len and noise.context is None else None
        denoised = sample(
            denoiser,
            objective,
            matrix,
            torch.cat([context, start], 1),  # [B, num_context + num_new, C, h, w]
            inputs.actions[:, first : num_frames + num_new],
            clip=options.clip,
            eta=options.eta,
            draw_noise=lambda like: _expand(_draw(noise, like), like),
            prefix=partial(known, denoiser, first) if known and denoiser.causal else None,
        )
        frames = torch.cat([frames, denoised[:, num_context:]], 1)
    return frames[:, history_len:]  # [B, F, C, h, w]


def _check(inputs: RolloutInputs, options: SamplingOptions) -> None:
    """Check that actions and noise suffice for the rollout."""
    history_len, new = inputs.history.shape[1], inputs.noise.start.shape[1]
    total = history_len + new
    if inputs.actions.shape[1] != total:
        raise ValueError(
            f"{inputs.actions.shape[1] - 1} actions, but {history_len} history frames and {new} "
            f"frames to generate need {total - 1}"
        )
    if (options.stabilisation and inputs.noise.context is None) or (
        options.eta and inputs.noise.generator is None
    ):
        raise ValueError(
            "stabilisation and eta need noise of their own: draw it with Sampling.noise"
        )


def _context_level(options: SamplingOptions, timesteps: Tensor, levels: int) -> int:
    """Noise level of context frames under stabilisation.

    The reference's rollout.py knows only the levels that it steps through, and takes one of them.
    """
    if options.spacing == "linspace":
        stepped = timesteps[:-1].flip(0)
        return int(stepped[round(options.stabilisation * (len(stepped) - 1))])
    return round(options.stabilisation * (levels - 1))


def _expand(noise: Tensor, like: Tensor) -> Tensor:
    """Noise [B or 1, ...] expanded to the batch of `like`, on its device."""
    return noise.expand(len(like), *noise.shape[1:]).to(like)


def _draw(noise: Noise, like: Tensor) -> Tensor:
    """Standard normal noise of the shape of `like`, with a batch of 1 if that is shared."""
    shape = (len(noise.start), *like.shape[1:])
    return torch.randn(shape, generator=noise.generator)
