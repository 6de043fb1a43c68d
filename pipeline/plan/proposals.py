"""Action sequences that the planner tries first, and that baselines execute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.plan import Proposals
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.controllers import Run
from pipeline.plan.dynamics import goals_of
from pipeline.plan.measure import Codec
from pipeline.plan.stretches import Stretches
from pipeline.probe.probe import Probe
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class Proposer:
    """Recorded stretches, and the sequences of an inverse model.

    Attributes:
        world: draws the current frame.
        codec: encodes it.
        space: of the actions.
        stretches: recorded ones.
        probe: holds the inverse model.
        options: how many of each the planner is given.
        horizon: the longest stretch.
    """

    world: World
    codec: Codec
    space: ActionSpace
    stretches: Stretches
    probe: Probe
    options: Proposals
    horizon: int

    def propose(self, runs: Sequence[Run], horizon: int) -> Tensor:
        """First candidates [B, P, H, interval x A], standardised: see `mpc.Propose`."""
        proposals = [torch.zeros(len(runs), 0, horizon, self.space.size)]
        if self.options.nearest:
            proposals.append(self.stretches.nearest(runs, horizon, self.options.nearest))
        if self.options.inverse:
            lengths = np.linspace(1, horizon, self.options.inverse + 1)[1:].round().astype(int)
            proposals += [self._inverse(runs, [int(n)] * len(runs), horizon) for n in lengths]
        return torch.cat(proposals, 1)

    def nearest_actions(self, runs: Sequence[Run], budget: int) -> NDArray[np.float32]:
        """Actions [B, H, interval, A] of the nearest recorded stretch."""
        horizon = min(self.horizon, -(-budget // self.space.interval))
        return self.space.actions(self.stretches.nearest(runs, horizon, 1)[:, 0]).numpy()

    def inverse_actions(self, runs: Sequence[Run], budget: int) -> NDArray[np.float32]:
        """Actions [B, H, interval, A] of the inverse model, told how many frames are left.

        That is the frames that the recorded actions still take; once they are used up, one.
        """
        interval = self.space.interval
        left = [max(1, (len(run.task.actions) - run.steps) // interval) for run in runs]
        return self.space.actions(self._inverse(runs, left, max(left))[:, 0]).numpy()

    def _inverse(self, runs: Sequence[Run], left: list[int], horizon: int) -> Tensor:
        """A plan [B, 1, H, interval x A] that is to arrive in `left` frames; zeros after that."""
        now = [self.world.draw(run.states[-1][None], run.task.meta)[0] for run in runs]
        goals = goals_of(runs)
        states = [run.states[-1] for run in runs]
        known = None if goals.states is None else np.concatenate([states, goals.states])
        latents = self.codec.encode(np.concatenate([now, goals.frames]), known)
        here, there = self.probe.coordinates(latents).chunk(2)
        plans = self.probe.proposals(here, there, torch.tensor(left)).cpu()[:, :horizon]
        return functional.pad(plans, (0, 0, 0, horizon - plans.shape[1]))[:, None]
