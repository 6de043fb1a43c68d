"""What a plan leads to in the simulator itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.episodes.episode import Meta
from pipeline.plan import Distance
from pipeline.plan.controllers import Run
from pipeline.plan.goal_distance import Metric, counted, over_frames
from pipeline.worlds import World


@dataclass(frozen=True, slots=True)
class SimulatorDynamics:
    """The simulator as a perfect model, with a cost in states, pixels or latents.

    Attributes:
        world: simulates the plans.
        of_states: states [N, S] and the meta of their episode to features [N, ...].
        of_goal: a run to the features [1, ...] of its goal.
        metric: distance of features.
        error: the one by which a plan is good enough.
        distance: which frames count.
    """

    world: World
    of_states: Callable[[NDArray[np.float32], Meta], Tensor]
    of_goal: Callable[[Run], Tensor]
    metric: Metric
    error: Metric
    distance: Distance

    def future(
        self, runs: Sequence[Run], horizon: int, generators: Sequence[torch.Generator]
    ) -> "SimulatorFuture":
        """The simulator's futures; it draws no noise."""
        now = [self.of_states(run.states[-1][None], run.task.meta)[None] for run in runs]
        return SimulatorFuture(self, runs, now, [self.of_goal(run)[None] for run in runs])


@dataclass(frozen=True, slots=True)
class SimulatorFuture:
    """What the simulator does.

    Attributes:
        dynamics: whose futures they are.
        runs: where they begin.
        now: features of the present of each run, [1, 1, ...].
        goal: features of the goal of each run, [1, 1, ...].
    """

    dynamics: SimulatorDynamics
    runs: Sequence[Run]
    now: list[Tensor]
    goal: list[Tensor]

    def cost(self, actions: Tensor) -> Tensor:
        """Costs [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.dynamics.metric)

    def error(self, actions: Tensor) -> Tensor:
        """Errors [B, N] of actions [B, N, H, interval, A]."""
        return self._compared(actions, self.dynamics.error)

    def _compared(self, actions: Tensor, metric: Metric) -> Tensor:
        dynamics, costs = self.dynamics, []
        for run, now, goal, own in zip(
            self.runs, self.now, self.goal, actions.numpy(), strict=True
        ):
            features, of_each = self._features(run, own)
            distances = metric(features[:, None], goal)[:, 0][of_each]  # [N, H or 1]
            first = metric(now, goal).expand(len(distances), 1)
            costs.append(over_frames(torch.cat([first, distances], 1), dynamics.distance))
        return torch.stack(costs)

    def imagined(self, actions: Tensor) -> None:
        """None: what it imagines is what happens."""

    def of(self, rows: Sequence[int]) -> "SimulatorFuture":
        """The futures of some of the runs."""
        runs, now = [self.runs[row] for row in rows], [self.now[row] for row in rows]
        return SimulatorFuture(self.dynamics, runs, now, [self.goal[row] for row in rows])

    def _features(self, run: Run, actions: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Features [M, ...] of the states that plans [N, H, interval, A] come to, each once.

        The second are the rows among them, [N, H or 1], of the frames that count.
        """
        dynamics, (count, horizon, interval, size) = self.dynamics, actions.shape
        meta, steps = run.task.meta, actions.reshape(count, horizon * interval, size)
        states = dynamics.world.simulate(run.states[-1], meta, steps)[:, interval - 1 :: interval]
        chosen = states[:, counted(dynamics.distance)]  # [N, H or 1, S]
        # Plans that stand still, or are cut off by a wall, come to the same states.
        each, of_each = np.unique(chosen.reshape(-1, chosen.shape[2]), axis=0, return_inverse=True)
        return dynamics.of_states(each, meta), torch.from_numpy(of_each.reshape(chosen.shape[:2]))
