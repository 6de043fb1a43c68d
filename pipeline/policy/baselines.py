"""What walks without a policy or a plan: random actions, a robot that stands, and the collector."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.policy import Trial
from pipeline.policy.walking import Walk, command_of
from pipeline.worlds import World


class Random:
    """Actions drawn evenly within the world's bounds; a `walking.Controller`."""

    def __init__(self, world: World, generator: torch.Generator) -> None:
        """Draw from a generator."""
        self.low, self.high = torch.from_numpy(world.low), torch.from_numpy(world.high)
        self.generator = generator

    def __call__(self, on: Sequence[Walk]) -> Tensor:
        """The next action [B, 12] of each."""
        drawn = torch.rand(len(on), len(self.low), generator=self.generator)
        return self.low + (self.high - self.low) * drawn


def standing(on: Sequence[Walk]) -> Tensor:
    """Actions [B, 12] that keep the default pose; a `walking.Controller`."""
    return torch.zeros(len(on), 12)


def collected(world: World, trial: Trial, seed: int) -> list[Walk]:
    """Walks of the policy that collected the data, as it collects: it stumbles and is pushed."""
    return [
        Walk(command_of(episode.meta), list(episode.states), list(episode.actions[:-1]))
        for episode in world.collect(trial.episodes, trial.steps + 1, seed)
        if episode.states is not None and len(episode.states) > 1
    ]
