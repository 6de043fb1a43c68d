"""Rollouts: frame after frame from a history, in a window that slides along."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.denoisers import Denoiser
from pipeline.diffusion import SamplingOptions
from pipeline.families import SAMPLERS
from pipeline.objectives import Objective
from pipeline.params import Settings
from pipeline.samplers import Sampler, ddim_timesteps, sample


@dataclass(frozen=True, slots=True)
class Noise:
    """All that a rollout draws; a batch of 1 is shared by the whole batch.

    Attributes:
        start: standard normal [B or 1, F, C, h, w], where each generated frame starts from.
        context: [B or 1, K + F, C, h, w], what stabilisation mixes into frames that are context.
        generator: where the fresh noise of stochastic steps comes from.
    """

    start: Tensor
    context: Tensor | None = None
    generator: torch.Generator | None = None

    def part(self, begin: int, end: int) -> "Noise":
        """The noise of rows begin..end of the batch."""
        context = None if self.context is None else self.context[begin:end]
        return replace(self, start=self.start[begin:end], context=context)


@dataclass(frozen=True, slots=True)
class Sampling:
    """In which order frames are denoised, and how."""

    sampler: Sampler
    options: SamplingOptions

    def noise(
        self,
        batch: int,
        known: int,
        new: int,
        shape: tuple[int, int, int],
        generator: torch.Generator,
    ) -> Noise:
        """Draw what a rollout of `new` frames after `known` ones needs, on the CPU."""
        start = torch.randn((batch, new, *shape), generator=generator)
        if not self.options.stabilisation:
            return Noise(start, generator=generator)
        context = torch.randn((batch, known + new, *shape), generator=generator)
        return Noise(start, context, generator)


def chosen(settings: Settings, options: SamplingOptions) -> Sampling:
    """The sampler that params.yaml names, with the options of one stage."""
    return Sampling(settings.variant(SAMPLERS).build(), options)


@dataclass(frozen=True, slots=True)
class Frames:
    """What is rolled out.

    Attributes:
        history: whitened latents [B, K, C, h, w] of the frames so far, K >= 1.
        actions: [B, K + F, A] as the network is fed them; the last is never used.
        noise: what is drawn.
    """

    history: Tensor
    actions: Tensor
    noise: Noise


def rollout(
    denoiser: Denoiser, objective: Objective, window: int, given: Frames, sampling: Sampling
) -> Tensor:
    """Frames [B, F, C, h, w] that follow a history, in windows of at most `window` frames.

    A window holds up to `options.context` frames of context, then up to `options.generate` new
    ones. With stabilisation the network is shown the context with a little noise, and is told so
    (Song et al. 2025, sec. 5.2; df_sample.py of the reference); what is returned is clean.

    Raises:
        ValueError: there are more or fewer actions than frames, or noise is missing.
    """
    options, frames = sampling.options, given.history
    most = window - 1
    known, total = frames.shape[1], frames.shape[1] + given.noise.start.shape[1]
    if given.actions.shape[1] != total:
        raise ValueError(
            f"{given.actions.shape[1] - 1} actions, but {known} frames of history and "
            f"{total - known} to generate want {total - 1}"
        )
    if (options.stabilisation and given.noise.context is None) or (
        options.eta and given.noise.generator is None
    ):
        raise ValueError("stabilisation and eta take noise of their own: draw it by Sampling.noise")
    timesteps = ddim_timesteps(options.steps, objective.levels, options.spacing)
    while (done := frames.shape[1]) < total:
        context = min(done, options.context or most)
        new = min(options.generate or most, window - context, total - done)
        matrix = sampling.sampler.matrix(context + new, context, timesteps)
        shown = frames[:, -context:]
        if given.noise.context is not None:
            matrix[:, :context] = _shown_level(options, timesteps, objective.levels)
            mixed = _spread(given.noise.context[:, done - context : done], shown)
            level = matrix[0, :context].expand(len(shown), -1).to(shown.device)
            shown = objective.noised(shown, mixed, level)
        start = _spread(given.noise.start[:, done - known :][:, :new], frames)
        clean = sample(
            denoiser,
            objective,
            matrix,
            torch.cat([shown, start], 1),
            given.actions[:, done - context : done + new],
            clip=options.clip,
            eta=options.eta,
            fresh=lambda like: _spread(_fresh(given.noise, like), like),
        )
        frames = torch.cat([frames, clean[:, context:]], 1)
    return frames[:, known:]


def _shown_level(options: SamplingOptions, timesteps: Tensor, levels: int) -> int:
    """The level at which stabilisation shows the context.

    The reference's rollout.py knows only the levels that it steps through, and takes one of them.
    """
    if options.spacing == "linspace":
        stepped = timesteps[:-1].flip(0)
        return int(stepped[round(options.stabilisation * (len(stepped) - 1))])
    return round(options.stabilisation * (levels - 1))


def _spread(noise: Tensor, like: Tensor) -> Tensor:
    """Noise [B or 1, ...] for a whole batch, on its device."""
    return noise.expand(len(like), *noise.shape[1:]).to(like)


def _fresh(noise: Noise, like: Tensor) -> Tensor:
    shape = (len(noise.start), *like.shape[1:])
    return torch.randn(shape, generator=noise.generator)
