"""A student's own rollout in training: what it generates, it goes on from (Huang et al. 2025)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser, KVCache
from pipeline.objectives import Objective
from pipeline.train.losses import Network


@dataclass(frozen=True, slots=True)
class Draws:
    """All that is random in a rollout.

    Attributes:
        last: denoising step after which frames leave, 0..S - 1, the same for all frames.
        noise: standard normal [S, P, T, C, h, w]: frames start from the first, and are noised anew
            with the others.
    """

    last: int
    noise: Tensor

    @classmethod
    def of(cls, generator: torch.Generator, steps: int, like: Tensor) -> "Draws":
        """Draw for clips like these [P, T, C, h, w], of a student of so many steps."""
        last = int(torch.randint(steps, (), generator=generator))
        noise = torch.randn((steps, *like.shape), generator=generator)
        return cls(last, noise.to(like))


def self_rollout(
    network: Network,
    denoiser: Denoiser,
    objective: Objective,
    levels: tuple[int, ...],
    clean: Tensor,
    actions: Tensor,
    draws: Draws,
) -> Tensor:
    """Frames that a student generates after the first of each clip.

    Where gradients are enabled they reach the last call of each frame alone: neither the steps
    before it, nor through the KV cache the frames before it.

    Args:
        network: runs the student, in the precision of training.
        denoiser: the same, which makes its KV cache; causal.
        objective: what it predicts.
        levels: of the student's steps, descending.
        clean: whitened latents [P, T, C, h, w], of which the first frames are given.
        actions: scaled, [P, T, A].
        draws: the noise.

    Returns:
        [P, T, C, h, w], the given frames first.
    """
    frames, kv_cache = [clean[:, :1]], denoiser.kv_cache(len(clean))
    for place in range(1, clean.shape[1]):
        _remember(network, frames[-1], actions, place - 1, kv_cache)
        at = torch.tensor([place], device=clean.device)
        noisy = draws.noise[0][:, place : place + 1]
        for step in range(draws.last + 1):
            level = torch.full((len(clean), 1), levels[step], device=clean.device)
            leaves = step == draws.last
            with torch.set_grad_enabled(torch.is_grad_enabled() and leaves):
                # Lists of its own: with gradients their tensors are replaced, not written to.
                own = KVCache([*kv_cache.keys], [*kv_cache.values])
                estimate = objective.to_clean(network(noisy, level, actions, at, own), noisy, level)
            if not leaves:
                fresh = draws.noise[step + 1][:, place : place + 1]
                after = torch.full_like(level, levels[step + 1])
                noisy = objective.noised(estimate, fresh, after)
        frames.append(estimate)
    return torch.cat(frames, 1)


@torch.no_grad()
def _remember(
    network: Network, frame: Tensor, actions: Tensor, place: int, kv_cache: KVCache
) -> None:
    """Write a finished frame [P, 1, C, h, w] to the KV cache, without its gradient."""
    at = torch.tensor([place], device=frame.device)
    level = torch.zeros(frame.shape[:2], dtype=torch.int64, device=frame.device)
    network(frame.detach(), level, actions, at, kv_cache)
