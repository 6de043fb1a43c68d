"""Rollouts a frame at a time: each action is known only after the frame that it answers to.

The frames are those of `rollout` by the sequential sampler, for the same noise, actions and
options: windows slide at the same frames, and passes through the network have the same shapes.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.denoisers import Denoiser, KVCache
from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.rollout import context_level, stabilised
from pipeline.diffusion.sample import Renew, estimate, renoised, sample
from pipeline.diffusion.sampling import FrameNoise, Sampling
from pipeline.objectives import Objective


@dataclass(frozen=True, slots=True)
class Window:
    """The latest frames of a rollout: all that the next one depends on, in bounded memory.

    A value: the frames after it are made without changing it, so that one window has as many
    futures as actions are tried.

    Attributes:
        frames: whitened latents [B, n, C, h, w], 1 <= n <= size.
        actions: [B, n - 1, A] between them, scaled as network input.
        kv_cache: keys and values of the first `cached` frames; None of a network that has none.
        cached: how many frames are in it.
        context: frames at its beginning that were there before it; the others are generated in it.
        size: frames at which it is full; before the next one it slides.
        first: place of its first frame in the rollout, the history's first being 0.
        history: frames that the rollout was given.
    """

    frames: Tensor
    actions: Tensor
    kv_cache: KVCache | None
    cached: int
    context: int
    size: int
    first: int
    history: int


@dataclass(frozen=True, slots=True)
class Stepper:
    """Generates the next frame of a window.

    Attributes:
        denoiser: the network.
        objective: what its output predicts.
        length: frames of the network's window.
        sampling: of a frame after the other, by deterministic steps (eta = 0) or renoising.
    """

    denoiser: Denoiser
    objective: Objective
    length: int
    sampling: Sampling

    @property
    def options(self) -> SamplingOptions:
        """Of sampling."""
        return self.sampling.options

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: steps are stochastic, whose noise is drawn for whole windows.
        """
        if self.options.eta:
            raise ValueError(f"eta = {self.options.eta}: stepping is deterministic; set it to 0")

    def begin(self, history: Tensor, actions: Tensor) -> Window:
        """The window at the end of a history; nothing is computed yet.

        Args:
            history: whitened latents [B, K, C, h, w], K >= 1.
            actions: [B, K - 1, A] between them, scaled as network input.
        """
        given = history.shape[1]
        return self._slid(Window(history, actions, None, 0, given, given, 0, given))

    @torch.inference_mode()
    def step(self, window: Window, action: Tensor, noise: FrameNoise) -> Window:
        """The window with one frame more, its last.

        Args:
            window: the frames so far.
            action: [B, A] that leads from its last frame to the next, scaled as network input.
            noise: of the rollout; the frame's place in it tells which.
        """
        if window.frames.shape[1] == window.size:
            window = self._slid(window)
        frames = window.frames.shape[1]
        actions = torch.cat([window.actions, action[:, None]], 1)  # [B, frames, A]
        # One for each frame of the window, as in `rollout`; those from here on are not attended to.
        padded = functional.pad(actions, (0, 0, 0, window.size - frames))  # [B, size, A]
        place = window.first + frames - window.history
        start = noise.starts(place, place + 1).expand(len(action), -1, -1, -1, -1)
        start = start.to(window.frames)  # [B, 1, C, h, w]
        if window.kv_cache is None:
            generated, kv_cache = self._without_cache(window, padded, start, noise), None
        else:
            kv_cache = KVCache(*([t.clone() for t in ts] for ts in _tensors(window.kv_cache)))
            generated = self._with_cache(window, padded, start, noise, kv_cache)
        longer = torch.cat([window.frames, generated], 1)
        return replace(window, frames=longer, actions=actions, kv_cache=kv_cache, cached=frames)

    def _slid(self, window: Window) -> Window:
        """The window that begins at the latest frames of a full one; nothing is cached of it."""
        options, frames = self.options, window.frames.shape[1]
        most = self.length - 1
        context = min(frames, options.context or most, most)
        # Frames that are not causal would see those that are not there yet.
        new = min(options.generate or most, self.length - context) if self.denoiser.causal else 1
        first = frames - context
        return Window(
            window.frames[:, first:],
            window.actions[:, first:],
            self.denoiser.kv_cache(len(window.frames)) if self.denoiser.causal else None,
            0,
            context,
            context + new,
            window.first + first,
            window.history,
        )

    def _context(self, window: Window, noise: FrameNoise) -> tuple[Tensor, int]:
        """The context frames as the network sees them, and their level, -1 where it is clean."""
        context = window.frames[:, : window.context]
        mixed = noise.mixed(window.first, window.first + window.context)
        if mixed is None:
            return context, -1
        level = context_level(self.options, self._timesteps(), self.objective.levels)
        return stabilised(self.objective, context, mixed, level), level

    def _without_cache(
        self, window: Window, actions: Tensor, start: Tensor, noise: FrameNoise
    ) -> Tensor:
        """The next frame [B, 1, C, h, w], for which all frames are run at every step."""
        frames = window.frames.shape[1]
        context, level = self._context(window, noise)
        matrix = self.sampling.sampler.matrix(frames + 1, frames, self._timesteps())
        matrix[:, : window.context] = level
        whole = torch.cat([context, window.frames[:, window.context :], start], 1)
        whole = sample(
            self.denoiser,
            self.objective,
            matrix,
            whole,
            actions[:, : frames + 1],
            clip=self.options.clip,
            renew=self._renew(window, noise),
        )
        return whole[:, frames:]

    def _with_cache(
        self, window: Window, actions: Tensor, start: Tensor, noise: FrameNoise, kv_cache: KVCache
    ) -> Tensor:
        """The next frame [B, 1, C, h, w]; finished frames are run once, into the KV cache."""
        frames, device = window.frames.shape[1], start.device
        positions = torch.arange(frames + 1, device=device)
        rest, level = window.frames[:, window.cached :], -1
        if not window.cached:
            rest, level = self._context(window, noise)
        levels = torch.full(rest.shape[:2], max(level, 0), device=device)
        self.denoiser(rest, levels, actions, positions[window.cached : frames], kv_cache)
        moving = start
        steps = self._timesteps().to(device).expand(len(start), -1).T[..., None]
        renew = self._renew(window, noise)
        place = {"positions": positions[frames:], "kv_cache": kv_cache}
        predict = partial(self.denoiser, actions=actions, **place)
        for taken, (now, after) in enumerate(pairwise(steps), 1):  # [B, 1] each
            clean = estimate(predict, self.objective, moving, now, clip=self.options.clip)
            if renew is None:
                moving = self.objective.step(moving, clean, now, after)
            else:
                fresh = torch.zeros(1) if taken == self.options.steps else renew(frames, taken)
                moving = renoised(self.objective, moving, clean, now, after, fresh)
        return moving

    def _renew(self, window: Window, noise: FrameNoise) -> Renew | None:
        """Draws the noise of a frame of the window that is noised anew; None if none is."""
        if not self.sampling.sampler.renoises:
            return None
        place = window.first - window.history
        return lambda frame, step: noise.renewed(place + frame, step)

    def _timesteps(self) -> Tensor:
        return self.sampling.timesteps(self.objective.levels)


def _tensors(kv_cache: KVCache) -> tuple[list[Tensor], list[Tensor]]:
    return kv_cache.keys, kv_cache.values
