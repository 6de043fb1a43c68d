"""Rollouts: frame after frame from a history, in a window that slides along."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.sample import Prefix, sample
from pipeline.diffusion.sampling import FrameNoise, Noise, Sampling
from pipeline.objectives import Objective

SharedPrefix = Callable[[Denoiser, int], Prefix]
"""The history's frames from that place on, at the beginning of a window, run by the network."""


@dataclass(frozen=True, slots=True)
class RolloutInputs:
    """Where a rollout of F frames starts, and the actions that it follows.

    Attributes:
        history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
        actions: [B, K + F, A], scaled as network input; the last is never used.
        noise: drawn by `Sampling.noise`, or as the frames come.
    """

    history: Tensor
    actions: Tensor
    noise: FrameNoise


def rollout(
    denoiser: Denoiser,
    objective: Objective,
    window: int,
    inputs: RolloutInputs,
    sampling: Sampling,
    shared: SharedPrefix | None = None,
) -> Tensor:
    """Frames [B, F, C, h, w] that follow a history: those of `stream`, all at once.

    Raises:
        ValueError: there are more or fewer actions than frames, or noise is missing.
    """
    _check(inputs, sampling.options)
    return torch.cat([*stream(denoiser, objective, window, inputs, sampling, shared)], 1)


def stream(
    denoiser: Denoiser,
    objective: Objective,
    window: int,
    inputs: RolloutInputs,
    sampling: Sampling,
    shared: SharedPrefix | None = None,
) -> Iterator[Tensor]:
    """The frames that follow a history, [B, n, C, h, w] of one window after the other.

    Each window holds up to `options.context` context frames, then up to `options.generate` new
    ones; no frame is kept that no later window holds. With stabilisation the network sees slightly
    noised context frames, at that noise level (Song et al. 2025, sec. 5.2; df_sample.py of the
    reference); the returned frames are clean. `shared` makes the KV cache of the history's frames;
    None runs them. It is called only where they are clean and the denoiser is causal.
    """
    options, noise = sampling.options, inputs.noise
    history_len, total = inputs.history.shape[1], inputs.actions.shape[1]
    max_context = min(options.context or window - 1, window - 1)
    kept, num_frames = inputs.history[:, -max_context:], history_len  # the latest frames; of all
    timesteps = sampling.timesteps(objective.levels)
    while num_frames < total:
        num_context = min(num_frames, max_context)
        num_new = min(options.generate or window - 1, window - num_context, total - num_frames)
        first = num_frames - num_context  # place of the window's first frame in the rollout
        # [rows, num_context + num_new]
        matrix = sampling.sampler.matrix(num_context + num_new, num_context, timesteps)
        context = kept[:, -num_context:]  # [B, num_context, C, h, w]
        # Each frame keeps its noise from window to window, and it is never mixed in twice.
        if (mixed := noise.mixed(first, num_frames)) is not None:
            level = context_level(options, timesteps, objective.levels)
            matrix[:, :num_context] = level
            context = stabilised(objective, context, mixed, level)
        start = noise.starts(num_frames - history_len, num_frames - history_len + num_new)
        place = num_frames - history_len - num_context  # of the window's first, in those generated
        known = shared if first < history_len and mixed is None else None
        denoised = sample(
            denoiser,
            objective,
            matrix,
            torch.cat([context, _expand(start, kept)], 1),  # [B, num_context + num_new, C, h, w]
            # A copy: where a view of one clip begins in memory would decide its last bits.
            inputs.actions[:, first : num_frames + num_new].clone(),
            clip=options.clip,
            eta=options.eta,
            draw_noise=lambda like: _expand(noise.drawn(like), like),
            prefix=partial(known, denoiser, first) if known and denoiser.causal else None,
            renew=partial(_renewed, noise, place) if sampling.sampler.renoises else None,
        )
        new = denoised[:, num_context:]  # [B, num_new, C, h, w]
        yield new
        kept, num_frames = torch.cat([kept, new], 1)[:, -max_context:], num_frames + num_new


def check_shapes(
    history: Tensor, actions: Tensor, latent: tuple[int, int, int], action: tuple[int, int]
) -> None:
    """Check that history [B, K, C, h, w] and actions [B, K - 1 + F, interval, A] fit.

    Args:
        history: of latents.
        actions: from its first frame on.
        latent: shape that a latent should have.
        action: interval and size that actions should have.

    Raises:
        ValueError: they do not.
    """
    if history.ndim != 5 or not history.shape[1] or history.shape[2:] != latent:
        expected = ", ".join(map(str, latent))
        raise ValueError(f"history is {list(history.shape)}, not [B, K >= 1, {expected}]")
    history_len = history.shape[1]
    if actions.ndim != 4 or actions.shape[2:] != action or actions.shape[1] < history_len:
        expected = ", ".join(map(str, action))
        raise ValueError(
            f"actions are {list(actions.shape)}, not [B, {history_len - 1} + F, {expected}] "
            "(interval, action): those between the history's frames, then one for each frame "
            "to generate"
        )
    if len(actions) != len(history):
        raise ValueError(f"{len(actions)} sequences of actions, but {len(history)} histories")


def _check(inputs: RolloutInputs, options: SamplingOptions) -> None:
    """Check that actions and noise, which was drawn at once, suffice for the rollout."""
    noise = inputs.noise
    assert isinstance(noise, Noise)
    history_len, new = inputs.history.shape[1], noise.start.shape[1]
    total = history_len + new
    if inputs.actions.shape[1] != total:
        raise ValueError(
            f"{inputs.actions.shape[1] - 1} actions, but {history_len} history frames and {new} "
            f"frames to generate need {total - 1}"
        )
    if (options.stabilisation and noise.context is None) or (options.eta and not noise.generators):
        raise ValueError(
            "stabilisation and eta need noise of their own: draw it with Sampling.noise"
        )


def context_level(options: SamplingOptions, timesteps: Tensor, levels: int) -> int:
    """Noise level of context frames under stabilisation.

    The reference's rollout.py knows only the levels that it steps through, and takes one of them.
    """
    if options.spacing == "linspace":
        stepped = timesteps[:-1].flip(0)
        return int(stepped[round(options.stabilisation * (len(stepped) - 1))])
    return round(options.stabilisation * (levels - 1))


def stabilised(objective: Objective, context: Tensor, mixed: Tensor, level: int) -> Tensor:
    """Context frames [B, n, C, h, w] with noise [B or 1, n, C, h, w] mixed in at a level."""
    levels = torch.full(context.shape[:2], level, device=context.device)
    return objective.noised(context, _expand(mixed, context), levels)


def _renewed(noise: FrameNoise, place: int, frame: int, step: int) -> Tensor:
    """Fresh noise of a frame of a window, whose first frame has that place, after a step."""
    return noise.renewed(place + frame, step)


def _expand(noise: Tensor, like: Tensor) -> Tensor:
    """Noise [B or 1, ...] expanded to the batch of `like`, on its device."""
    return noise.expand(len(like), *noise.shape[1:]).to(like)
