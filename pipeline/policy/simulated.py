"""Simulators as environments: what a policy learns in where imagination is off."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.episodes.groups import POLICY, TERMINATION, policy_observation
from pipeline.imagination.environments import Stepped
from pipeline.imagination.options import Options
from pipeline.imagination.rewards import AirTime, total
from pipeline.policy.walking import command_of, transition
from pipeline.worlds import World


class Simulated:
    """N simulators that step together, with the rewards and the noise of imagination."""

    def __init__(
        self, worlds: Sequence[World], options: Options, period: float, rng: np.random.Generator
    ) -> None:
        """Begin an episode in each."""
        self.worlds, self.options, self.period, self.rng = worlds, options, period, rng
        count = len(worlds)
        self.states = torch.zeros(count, worlds[0].state_dim)
        self.command = torch.zeros(count, 3)
        self.last_action = torch.zeros(count, len(worlds[0].low))
        self.steps = torch.zeros(count, dtype=torch.int64)
        self.air = AirTime(count, torch.device("cpu"))
        self._begin(torch.arange(count))

    def __len__(self) -> int:
        """Number N of environments."""
        return len(self.worlds)

    def observation(self) -> Tensor:
        """Group policy [N, 48] in its units, with its uniform noise if the options say so."""
        parts = (self.states, self.command, self.last_action)
        rows = policy_observation(*(part.numpy() for part in parts))
        if self.options.noise:
            rows += (POLICY.noise() * self.rng.uniform(-1, 1, rows.shape)).astype(np.float32)
        return torch.from_numpy(rows)

    def step(self, action: Tensor) -> Stepped:
        """Take one action [N, 12] in each; what ends begins again."""
        after = []
        for world, own in zip(self.worlds, action.numpy(), strict=True):
            world.step(own)
            after.append(world.snapshot())
        states = torch.from_numpy(np.stack(after))
        taken = transition(
            self.states, states, action, self.last_action, self.command, self.air, self.period
        )
        reward, parts = total(taken, self.options.weights)
        self.states, self.last_action = states, action.clone()
        self.steps += 1
        terminated = (states[:, TERMINATION] > 0).any(1)
        timed_out = (self.steps >= self.options.steps) & ~terminated
        self._begin(torch.nonzero(terminated | timed_out)[:, 0])
        return Stepped(self.observation(), reward, terminated, timed_out, parts)

    def _begin(self, rows: Tensor) -> None:
        for row in rows.tolist():
            start, _, meta = self.worlds[row].sample(self.rng)
            self.worlds[row].restore(start, meta)
            self.states[row] = torch.from_numpy(self.worlds[row].snapshot())
            self.command[row] = command_of(meta)
        self.last_action[rows] = 0.0
        self.steps[rows] = 0
        self.air.reset(rows)
