"""Model predictive control of walks: plan by imagined rewards, take some actions, plan again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.generators import seeded
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.groups import CONTACT, STATE
from pipeline.imagination.returns import Present, Returns
from pipeline.imagination.rewards import FOOT
from pipeline.plan.action_space import ActionSpace
from pipeline.planners import Planner, Problem
from pipeline.policy.walking import Walk
from pipeline.tools.walk.recorded import Stretches


@dataclass(slots=True)
class Mpc:
    """A `walking.Controller` of walks that are taken in lockstep.

    A search begins with the rest of the last plan and with recorded stretches; each walk has a
    generator of its own, so that it depends on no other.

    Attributes:
        model: whose history is fed.
        returns: what plans are worth.
        planner: searches.
        stretches: recorded actions.
        proposals: stretches among the first candidates.
        execute: actions taken of a plan.
        seed: of the searches.
    """

    model: StateModel
    returns: Returns
    planner: Planner
    stretches: Stretches
    proposals: int
    execute: int
    seed: int
    plans: dict[int, Tensor] = field(default_factory=dict)
    generators: dict[int, torch.Generator] = field(default_factory=dict)

    def __call__(self, walks: Sequence[Walk]) -> Tensor:
        """The next action [B, 12] of each."""
        taken = len(walks[0].actions) % self.execute
        if not taken:
            self._plan(walks)
        return torch.stack([self.plans[id(walk)][taken] for walk in walks])

    def _plan(self, walks: Sequence[Walk]) -> None:
        """Plan for each walk; plans are [H, 12] in the world's units."""
        space = ActionSpace(self.model.spec, 1)
        nearest = self.stretches.nearest(walks, self.proposals)  # [B, P, H, 12]
        for number, walk in enumerate(walks):
            if id(walk) not in self.generators:
                self.generators[id(walk)] = seeded(self.seed, len(self.generators))
                self.plans[id(walk)] = nearest[number, 0].roll(self.execute, 0)
        rests = torch.stack([self.plans[id(walk)][self.execute :] for walk in walks])
        rests = torch.cat([rests, nearest[:, 0, rests.shape[1] :]], 1)
        first = torch.cat([rests[:, None], nearest], 1)[..., None, :]  # [B, 1 + P, H, 1, 12]
        low, high = space.bounds()
        present = now(self.model, walks, self.returns.period)
        problem = Problem(
            cost=lambda plans: self.returns.costs(present, space.actions(plans).flatten(3)),
            initial=space.standardised(first.numpy()).clamp(low, high),
            generators=[self.generators[id(walk)] for walk in walks],
            low=low,
            high=high,
        )
        found = space.actions(self.planner.plan(problem).plans)[:, :, 0]
        for walk, plan in zip(walks, found, strict=True):
            self.plans[id(walk)] = plan


def now(model: StateModel, walks: Sequence[Walk], period: float) -> Present:
    """Where walks are; before a walk's first state stand copies of it, and no actions."""
    rows, taken, air = max(model.context, 2), [], []
    states = np.zeros((len(walks), rows, STATE.stop), np.float32)
    for number, walk in enumerate(walks):
        known = np.stack(walk.states)
        latest = known[-rows:, STATE]
        states[number] = latest[0]
        states[number, rows - len(latest) :] = latest
        none = np.zeros_like(walk.actions[0]) if walk.actions else np.zeros(12, np.float32)
        taken.append(np.stack([*[none] * (rows - 1), *walk.actions])[-(rows - 1) :])
        grounded = known[::-1, CONTACT][:, FOOT] > 0
        air.append(np.where(grounded.any(0), grounded.argmax(0), len(known) - 1))
    actions = torch.from_numpy(np.stack(taken))
    whitened = model.spec.whiten(torch.from_numpy(states)[..., None, None])[..., 0, 0]
    return Present(
        whitened,
        model.model_actions(actions[:, :, None]),
        actions[:, -1],
        torch.stack([walk.command for walk in walks]),
        torch.from_numpy(np.stack(air)).float() * period,
    )
