"""Rollouts a frame at a time: each action is known only after the frame that it answers to.

The frames are those of `rollout` by the sequential sampler, for the same noise and actions: windows
slide, and passes through the network have the same shapes.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.denoisers import Denoiser, KVCache
from pipeline.diffusion.sample import ddim_timesteps, sample
from pipeline.objectives import Objective
from pipeline.samplers.sequential import Options, build


@dataclass(frozen=True, slots=True)
class Window:
    """The latest frames of a rollout: all that the next one depends on.

    A value: the frames after it are made without changing it, so that one window has as many
    futures as actions are tried.

    Attributes:
        frames: whitened latents [B, n, C, h, w], 1 <= n <= the model's window.
        actions: [B, n - 1, A] between them, scaled as network input.
        kv_cache: keys and values of the first `cached` frames; None of a network that has none.
        cached: how many frames are in it.
    """

    frames: Tensor
    actions: Tensor
    kv_cache: KVCache | None
    cached: int


def window_of(denoiser: Denoiser, length: int, history: Tensor, actions: Tensor) -> Window:
    """The window at the end of a history.

    Args:
        denoiser: the network.
        length: frames of its window.
        history: whitened latents [B, K, C, h, w], K >= 1.
        actions: [B, K - 1, A] between them, scaled as network input.
    """
    kept = min(history.shape[1], length - 1)
    first = history.shape[1] - kept
    kv_cache = denoiser.kv_cache(len(history)) if denoiser.causal else None
    return Window(history[:, first:], actions[:, first:], kv_cache, 0)


@torch.inference_mode()
def next_window(
    denoiser: Denoiser,
    objective: Objective,
    length: int,
    window: Window,
    action: Tensor,
    noise: Tensor,
    steps: int,
) -> Window:
    """The window with one frame more, its last.

    Args:
        denoiser: the network.
        objective: what its output predicts.
        length: frames of its window.
        window: the frames so far.
        action: [B, A] that leads from its last frame to the next, scaled as network input.
        noise: standard normal [B, C, h, w].
        steps: denoising steps.
    """
    if window.frames.shape[1] == length:  # it slides
        window = replace(window, frames=window.frames[:, 1:], actions=window.actions[:, 1:])
        window = replace(window, cached=0)
    context = window.frames.shape[1]
    actions = torch.cat([window.actions, action[:, None]], 1)  # [B, context, A]
    # One for every frame of the window, as in `rollout`; those from here on are not attended to.
    padded = functional.pad(actions, (0, 0, 0, length - context))  # [B, length, A]
    timesteps = ddim_timesteps(steps, objective.levels)
    noise = noise[:, None].to(window.frames)  # [B, 1, C, h, w]
    if window.kv_cache is None:
        matrix = build(Options()).matrix(context + 1, context, timesteps)
        frames = torch.cat([window.frames, noise], 1)
        frames = sample(denoiser, objective, matrix, frames, padded[:, : context + 1])
        return Window(frames, actions, None, 0)
    kv_cache = KVCache(*([t.clone() for t in ts] for ts in _tensors(window.kv_cache)))
    device = window.frames.device
    positions = torch.arange(context + 1, device=device)
    rest = window.frames[:, window.cached :]  # finished, but not in the KV cache yet
    clean = torch.zeros(rest.shape[:2], dtype=torch.int64, device=device)
    denoiser(rest, clean, padded, positions[window.cached : context], kv_cache)
    for level, next_level in pairwise(timesteps.to(device).expand(len(noise), -1).T[..., None]):
        output = denoiser(noise, level.clamp(min=0), padded, positions[context:], kv_cache)
        estimate = objective.to_clean(output, noise, level)
        noise = objective.step(noise, estimate, level, next_level)
    return Window(torch.cat([window.frames, noise], 1), actions, kv_cache, context)


def _tensors(kv_cache: KVCache) -> tuple[list[Tensor], list[Tensor]]:
    return kv_cache.keys, kv_cache.values
