"""Thousands of imagined environments: a state model simulates a legged robot in each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pipeline.episodes.groups import BASE, JOINT, POLICY
from pipeline.imagination.histories import Histories
from pipeline.imagination.options import Options
from pipeline.imagination.rewards import AirTime, Transition, total
from pipeline.state_models import StateNetwork


class Scales(Protocol):
    """Between the network's numbers and the world's units: a `LatentSpec` of state vectors."""

    def whiten(self, latents: Tensor) -> Tensor:
        """Latents [..., S, 1, 1] in units to whitened ones."""

    def unwhiten(self, latents: Tensor) -> Tensor:
        """Whitened latents [..., S, 1, 1] to units."""

    def network_actions(self, actions: Tensor) -> Tensor:
        """Actions [..., interval, A] in units to network input [..., interval A]."""


def units(scales: Scales, whitened: Tensor) -> Tensor:
    """Whitened states [..., S] in the world's units."""
    return scales.unwhiten(whitened[..., None, None])[..., 0, 0]


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one action of each of N environments led to.

    Attributes:
        observation: group policy [N, 48], of the next episode where one has ended.
        reward: of the action [N].
        terminated: bool [N], the robot has fallen.
        timed_out: bool [N], its time is out and it has not fallen.
        parts: the reward's parts by name, each [N].
    """

    observation: Tensor
    reward: Tensor
    terminated: Tensor
    timed_out: Tensor
    parts: dict[str, Tensor]


class Environments:
    """N environments that step together, and begin again in the step in which they end.

    Each is simulated by one head of the network, of which all have as many (`shares`): the heads'
    different opinions are different worlds (PETS' TS-infinity; Chua et al. 2018), as in RWM.
    """

    def __init__(
        self,
        network: StateNetwork,
        scales: Scales,
        histories: Histories,
        commands: Callable[[int], Tensor],
        options: Options,
        period: float,
        generator: torch.Generator,
    ) -> None:
        """Begin an episode in each environment.

        Args:
            network: simulates; its history is that of `histories`.
            scales: of its states and actions.
            histories: where episodes begin.
            commands: draws velocities asked for [n, 3] of n new episodes.
            options: how many environments, and for how long.
            period: length of an action, s.
            generator: draws starts and noise.

        Raises:
            ValueError: imagination is off.
        """
        if not options.environments:
            raise ValueError("imagination is off: there is nothing to step")
        self.network, self.scales, self.options = network, scales, options
        self._histories, self._commands = histories, commands
        self.period, self.generator = period, generator
        count, device = options.environments, histories.states.device
        self.command = torch.zeros(count, 3, device=device)
        self.steps = torch.zeros(count, dtype=torch.int64, device=device)
        self.state = torch.zeros(count, histories.states.shape[2], device=device)
        self.last_action = torch.zeros(count, histories.raw_actions.shape[1], device=device)
        self.air = AirTime(count, device)
        self._whitened = torch.zeros_like(self.state)
        self._begin(torch.arange(count, device=device))

    def __len__(self) -> int:
        """Number N of environments."""
        return len(self.state)

    def observation(self) -> Tensor:
        """Group policy [N, 48] in its units, with its uniform noise if the options say so."""
        base, joints = self.state[:, BASE], self.state[:, JOINT]
        rows = torch.cat([base, self.command, joints, self.last_action], 1)
        if self.options.noise:
            half = torch.from_numpy(POLICY.noise()).to(rows)
            drawn = torch.rand(rows.shape, generator=self.generator).to(rows)
            rows += half * drawn.mul_(2).sub_(1)
        return rows

    @torch.no_grad()
    def step(self, action: Tensor) -> Stepped:
        """Take one action [N, 12] in each environment, in the world's units."""
        simulated = self.network.simulate(
            self._whitened,
            self.scales.network_actions(action[:, None]),
            self._memory,
            by_head=True,
            disagree=bool(self.options.weights.uncertainty),
        )
        predicted = simulated.step
        after = units(self.scales, predicted.state)
        contacts = (predicted.contacts > 0).to(after)
        terminated = (predicted.termination > 0).any(1)
        transition = Transition(
            before=self.state,
            after=after,
            action=action,
            last_action=self.last_action,
            contacts=contacts,
            landed=self.air.update(contacts, self.period),
            command=self.command,
            period=self.period,
            epistemic=simulated.epistemic,
            fallen=terminated.to(after),
        )
        reward, parts = total(transition, self.options.weights)
        self.steps += 1
        timed_out = (self.steps >= self.options.steps) & ~terminated
        self.state, self.last_action = after, action.clone()
        self._whitened = predicted.state
        self._begin(torch.nonzero(terminated | timed_out)[:, 0])
        return Stepped(self.observation(), reward, terminated, timed_out, parts)

    @torch.no_grad()
    def _begin(self, rows: Tensor) -> None:
        """Begin an episode in environments `rows`, int64 [R], each with a history of its own."""
        if not len(rows):
            return
        starts = self._histories.draw(len(rows), self.generator)
        memory = self.network.remember(starts.states[:, :-1], starts.actions)
        if len(rows) == len(self):  # in order: `rows` are all
            self._memory = memory
        else:
            self._memory.put_(rows, memory)
        self.command[rows] = self._commands(len(rows)).to(self.command)
        self.steps[rows] = 0
        self._whitened[rows] = starts.states[:, -1]
        self.state[rows] = units(self.scales, starts.states[:, -1])
        self.last_action[rows] = starts.raw_actions
        self.air.reset(rows)
