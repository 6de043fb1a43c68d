"""Standardised plans and the environment's actions."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.spec import LatentSpec


@dataclass(frozen=True, slots=True)
class ActionSpace:
    """Plans are searched in standardised actions, within the range that was recorded.

    A model knows nothing about actions that it was not trained on.

    Attributes:
        spec: has the statistics of the recorded actions.
        interval: environment steps of a model frame.
    """

    spec: LatentSpec
    interval: int

    @property
    def size(self) -> int:
        """Numbers in a standardised action: those of a model frame, interval x A."""
        return self.interval * self.spec.action_dim

    def actions(self, plans: Tensor) -> Tensor:
        """Standardised plans [..., interval x A] to actions [..., interval, A], clamped."""
        split = plans.unflatten(-1, (self.interval, self.spec.action_dim))
        actions = split * self._std(plans) + self.spec.action("mean", plans)
        return actions.clamp(self.spec.action("min", plans), self.spec.action("max", plans))

    def standardised(self, actions: NDArray[np.float32]) -> Tensor:
        """Actions [..., interval, A] to standardised ones [..., interval x A]."""
        tensor = torch.from_numpy(actions)
        return ((tensor - self.spec.action("mean", tensor)) / self._std(tensor)).flatten(-2)

    def bounds(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest recorded standardised action, [interval x A] each."""
        like = torch.zeros(self.size)
        mean = self.spec.action("mean", like)
        low, high = (
            ((self.spec.action(name, like) - mean) / self._std(like)).repeat(self.interval)
            for name in ("min", "max")
        )
        return low, high

    def _std(self, like: Tensor) -> Tensor:
        return self.spec.action("std", like)
