"""How a rollout is sampled, and the noise that it starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.config import Student
from pipeline.diffusion.sample import ddim_timesteps
from pipeline.params import Settings
from pipeline.samplers import SAMPLERS, Sampler


class FrameNoise(Protocol):
    """The noise of a rollout after K frames of history; a batch of 1 is shared by the batch."""

    def starts(self, begin: int, end: int) -> Tensor:
        """Standard normal [B or 1, n, C, h, w], from which frames begin..end - 1 are denoised.

        They count from the first that is generated.
        """

    def mixed(self, begin: int, end: int) -> Tensor | None:
        """[B or 1, n, C, h, w], mixed into frames begin..end - 1 by stabilisation; None without.

        They count from the first of the history. A frame has the same noise in every window.
        """

    def drawn(self, like: Tensor) -> Tensor:
        """[B or 1, T, C, h, w] for one stochastic step (eta > 0) of a window [B, T, C, h, w]."""

    def renewed(self, frame: int, step: int) -> Tensor:
        """[B or 1, 1, C, h, w] that a sampler that renoises adds to a frame after step 1, 2, ...

        `frame` counts from the first that is generated.
        """


@dataclass(frozen=True, slots=True)
class Noise:
    """All noise of a rollout of F frames after K; a batch of 1 is shared by the whole batch.

    Attributes:
        start: standard normal [B or 1, F, C, h, w], from which each generated frame is denoised.
        context: [B or 1, K + F, C, h, w], mixed into context frames by stabilisation.
        generators: draw the noise of stochastic steps (eta > 0), one for each row or one for all.
        fresh: [B or 1, steps - 1, F, C, h, w], by which a sampler that renoises does so; None for
            any other, and where a frame takes one step.
    """

    start: Tensor
    context: Tensor | None = None
    generators: tuple[torch.Generator, ...] = ()
    fresh: Tensor | None = None

    def part(self, begin: int, end: int) -> "Noise":
        """The noise of rows begin..end - 1 of the batch."""
        context = None if self.context is None else self.context[begin:end]
        own = self.generators if len(self.generators) == 1 else self.generators[begin:end]
        fresh = None if self.fresh is None else self.fresh[begin:end]
        return Noise(self.start[begin:end], context, own, fresh)

    def rows(self, chosen: Sequence[int]) -> "Noise":
        """The noise of some rows of the batch."""
        rows = list(chosen)
        context = None if self.context is None else self.context[rows]
        own = self.generators
        if len(own) > 1:
            own = tuple(own[row] for row in rows)
        fresh = None if self.fresh is None else self.fresh[rows]
        return Noise(self.start[rows], context, own, fresh)

    def starts(self, begin: int, end: int) -> Tensor:
        """See `FrameNoise`."""
        return self.start[:, begin:end]

    def mixed(self, begin: int, end: int) -> Tensor | None:
        """See `FrameNoise`."""
        return None if self.context is None else self.context[:, begin:end]

    def drawn(self, like: Tensor) -> Tensor:
        """See `FrameNoise`."""
        shape = (len(self.start) // len(self.generators), *like.shape[1:])
        return torch.cat([torch.randn(shape, generator=own) for own in self.generators])

    def renewed(self, frame: int, step: int) -> Tensor:
        """See `FrameNoise`."""
        if self.fresh is None:
            raise ValueError("the sampler renoises, which needs noise: draw it with Sampling.noise")
        return self.fresh[:, step - 1, frame : frame + 1]


@dataclass(frozen=True, slots=True)
class Sampling:
    """A sampler and the options of its steps.

    Attributes:
        sampler: the order in which frames are denoised, and what a step is.
        options: of the steps.
        student: whose levels they start from; None of a model that is none.
    """

    sampler: Sampler
    options: SamplingOptions
    student: Student | None = None

    def timesteps(self, levels: int) -> Tensor:
        """Levels int64 [steps + 1] that a frame passes through, of so many, down to -1 (clean)."""
        steps, spacing = self.options.steps, self.options.spacing
        if self.student is not None:
            return self.student.timesteps(steps)
        return ddim_timesteps(steps, levels, spacing)

    def noise(
        self,
        batch: int,
        history_len: int,
        new: int,
        latent_shape: tuple[int, int, int],
        generator: torch.Generator,
    ) -> Noise:
        """Draw the noise for a rollout of `new` frames after `history_len` ones, on the CPU."""
        start = torch.randn((batch, new, *latent_shape), generator=generator)
        context = fresh = None
        if self.options.stabilisation:
            context = torch.randn((batch, history_len + new, *latent_shape), generator=generator)
        if self.sampler.renoises and (again := self.options.steps - 1):
            fresh = torch.randn((batch, again, new, *latent_shape), generator=generator)
        return Noise(start, context, (generator,), fresh)


def build_sampling(settings: Settings, options: SamplingOptions) -> Sampling:
    """The sampler that params.yaml names, with the sampling options of one stage."""
    return Sampling(settings.variant(SAMPLERS).build(), options)
