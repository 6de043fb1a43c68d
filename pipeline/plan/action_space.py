"""Standardised plans and the environment's actions."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.latents.spec import LatentSpec


def are_one_hot(actions: NDArray[np.float32]) -> bool:
    """Whether each action [N, A], A > 1, is a 1 among zeros, as those of a discrete space are."""
    ones = (actions == 1).sum(1) == 1
    return actions.shape[1] > 1 and bool(ones.all() and ((actions == 0) | (actions == 1)).all())


@dataclass(frozen=True, slots=True)
class ActionSpace:
    """Plans are searched in standardised actions, within the range that was recorded.

    A model knows nothing about actions that it was not trained on.

    Attributes:
        spec: has the statistics of the recorded actions.
        interval: environment steps of a model frame.
        one_hot: whether an action names one of A by a 1 among zeros.
    """

    spec: LatentSpec
    interval: int
    one_hot: bool = False

    @property
    def size(self) -> int:
        """Numbers in a standardised action: those of a model frame, interval x A."""
        return self.interval * self.spec.action_dim

    def actions(self, plans: Tensor) -> Tensor:
        """Standardised plans [..., interval x A] to actions [..., interval, A], clamped."""
        split = plans.unflatten(-1, (self.interval, self.spec.action_dim))
        actions = split * self.spec.action("std", plans) + self.spec.action("mean", plans)
        return actions.clamp(self.spec.action("min", plans), self.spec.action("max", plans))

    def standardised(self, actions: NDArray[np.float32]) -> Tensor:
        """Actions [..., interval, A] to standardised ones [..., interval x A]."""
        return self.spec.standardise_actions(torch.from_numpy(actions)).flatten(-2)

    def bounds(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest recorded standardised action, [interval x A] each."""
        like = torch.zeros(self.size)
        ends = (self.spec.action(name, like) for name in ("min", "max"))
        low, high = (self.spec.standardise_actions(end).repeat(self.interval) for end in ends)
        return low, high

    def choices(self) -> Tensor | None:
        """The standardised actions [A, A] that can be taken at a step; None for any number."""
        if not self.one_hot:
            return None
        return self.spec.standardise_actions(torch.eye(self.spec.action_dim))
