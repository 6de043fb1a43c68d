"""Environments as rsl-rl takes them."""

from typing import Any, Protocol

import torch
from rsl_rl.env import VecEnv
from tensordict import TensorDict
from torch import Tensor

from pipeline.imagination.environments import Stepped


class Steppable(Protocol):
    """Environments, imagined or simulated, that begin again as they end."""

    def __len__(self) -> int:
        """Number N of environments."""

    def observation(self) -> Tensor:
        """Group policy [N, 48]."""

    def step(self, action: Tensor) -> Stepped:
        """Take one action [N, 12] in each."""


class Environment(VecEnv):  # type: ignore[misc]
    """Environments whose actions are cut to the bounds; observations are new tensors each time."""

    def __init__(self, inner: Steppable, low: Tensor, high: Tensor, limit: int) -> None:
        """Step `inner`, whose episodes are of `limit` steps."""
        self.inner, self.low, self.high = inner, low, high
        self.num_envs, self.num_actions = len(inner), len(low)
        self.max_episode_length = limit
        self.episode_length_buf = torch.zeros(len(inner), dtype=torch.long)
        self.device: torch.device | str = low.device
        self.cfg: dict[str, Any] = {}

    def get_observations(self) -> TensorDict:
        """See `VecEnv.get_observations`."""
        return self._told(self.inner.observation())

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        """See `VecEnv.step`; a time-out is no termination."""
        stepped = self.inner.step(torch.minimum(torch.maximum(actions, self.low), self.high))
        dones = stepped.terminated | stepped.timed_out
        self.episode_length_buf = (self.episode_length_buf + 1) * ~dones
        extras = {"time_outs": stepped.timed_out}
        return self._told(stepped.observation), stepped.reward, dones, extras

    def _told(self, observation: Tensor) -> TensorDict:
        return TensorDict({"policy": observation.clone()}, batch_size=[self.num_envs])
