"""What sequences of actions would be rewarded: the cost of a plan of a legged robot."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.imagination.environments import Scales, units
from pipeline.imagination.options import Weights
from pipeline.imagination.rewards import AirTime, Transition, total
from pipeline.state_models import Memory, StateNetwork


@dataclass(frozen=True, slots=True)
class Present:
    """Where B robots are.

    Attributes:
        states: whitened [B, H, S], H >= 2, the present last.
        actions: scaled [B, H - 1, A], those between them.
        last_action: the last of them in the world's units [B, 12].
        command: velocities asked for [B, 3].
        air: how long each foot has been in the air [B, 4], s.
    """

    states: Tensor
    actions: Tensor
    last_action: Tensor
    command: Tensor
    air: Tensor

    def of(self, rows: list[int]) -> "Present":
        """Some of them."""
        values = (self.states, self.actions, self.last_action, self.command, self.air)
        return Present(*(value[rows] for value in values))


@dataclass(frozen=True, slots=True)
class Returns:
    """Costs of plans: what the model expects them to be rewarded, with its sign turned.

    The mean of the heads is fed back. What follows a fall is not rewarded: every reward counts by
    the probability that the robot has not fallen by then, and `fall` by the probability that it
    has at the end.

    Attributes:
        network: imagines.
        scales: of its states and actions.
        weights: of the terms of the reward.
        fall: charge for a fall.
        period: length of an action, s.
    """

    network: StateNetwork
    scales: Scales
    weights: Weights
    fall: float
    period: float

    @torch.no_grad()
    def costs(self, present: Present, plans: Tensor) -> Tensor:
        """Costs [B, N] of plans [B, N, H, 12] in the world's units."""
        count, horizon = plans.shape[1:3]
        memory = self.network.remember(present.states[:, :-1], present.actions)
        memory = Memory(
            *(part.repeat_interleave(count, 1) for part in (memory.state, memory.auxiliary))
        )

        def each(value: Tensor) -> Tensor:
            return value.repeat_interleave(count, 0)

        whitened, last = each(present.states[:, -1]), each(present.last_action)
        command, air = each(present.command), AirTime(len(whitened), whitened.device)
        air.seconds = each(present.air)
        state, upright = units(self.scales, whitened), torch.ones_like(whitened[:, 0])
        rewards = torch.zeros_like(upright)
        for action in plans.flatten(0, 1).unbind(1)[:horizon]:
            scaled = self.scales.network_actions(action[:, None])
            disagree = bool(self.weights.uncertainty)
            found = self.network.simulate(whitened, scaled, memory, False, disagree)
            whitened, before, state = found.step.state, state, units(self.scales, found.step.state)
            contacts = (found.step.contacts > 0).to(state)
            taken = Transition(
                before=before,
                after=state,
                action=action,
                last_action=last,
                contacts=contacts,
                landed=air.update(contacts, self.period),
                command=command,
                period=self.period,
                epistemic=found.epistemic,
                fallen=torch.zeros_like(upright),  # `fall` is charged for it, by its probability
            )
            upright = upright * (1 - found.step.termination.sigmoid()).prod(1)
            rewards += upright * total(taken, self.weights)[0]
            last = action
        return (self.fall * (1 - upright) - rewards).unflatten(0, (-1, count))
