"""What generates latents, whichever kind of model it is: diffusion, or of state vectors."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from pipeline.diffusion.rollout import SharedPrefix
from pipeline.diffusion.sampling import FrameNoise, Noise, Sampling
from pipeline.latents.cache import LatentCache
from pipeline.latents.spec import LatentSpec


class Shape(Protocol):
    """Of a model's windows."""

    @property
    def frames(self) -> int:
        """Length of the window that it was trained on."""

    @property
    def interval(self) -> int:
        """Environment steps between two frames."""

    @property
    def spec(self) -> LatentSpec:
        """Of its latents."""


class Dynamics(Protocol):
    """A model that the stages evaluate, roll out and plan with; `load` gives one of either kind."""

    spec: LatentSpec
    device: torch.device

    @property
    def config(self) -> Shape:
        """Its config.json."""

    @property
    def context(self) -> int | None:
        """Frames of history that it always takes; None: as many as its user wants."""

    def check_cache(self, cache: LatentCache) -> None:
        """See `WorldModel.check_cache`."""

    def model_actions(self, actions: Tensor) -> Tensor:
        """See `WorldModel.model_actions`."""

    def embed_actions(self, actions: Tensor) -> Tensor | None:
        """See `WorldModel.embed_actions`."""

    def own(self, sampling: Sampling, place: str = "sampling") -> Sampling:
        """See `WorldModel.own`."""

    def rollout(
        self,
        history: Tensor,
        actions: Tensor,
        noise: Noise,
        sampling: Sampling,
        shared: SharedPrefix | None = None,
    ) -> Tensor:
        """See `WorldModel.rollout`."""

    def stream(
        self, history: Tensor, actions: Tensor, noise: FrameNoise, sampling: Sampling
    ) -> Iterator[Tensor]:
        """See `WorldModel.stream`."""

    def parameters(self) -> int:
        """Number of its parameters."""
