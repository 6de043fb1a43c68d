"""Model predictive control: plan, execute the beginning of the plan, replan."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.compute.generators import seeded
from pipeline.plan import Options
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.controllers import Replan, Run
from pipeline.plan.dynamics import Dynamics, Future
from pipeline.planners import Planner, Problem, Solution

Propose = Callable[[Sequence[Run], int], Tensor]
"""Runs and a horizon to first candidates of their plans, standardised [B, P, H, interval x A]."""


@dataclass(slots=True)
class Mpc:
    """MPC in lockstep; a `Controller`.

    The horizon never exceeds the frames that are left, and a search starts from the rest of the
    last plan. All candidates of a search start from the same noise, so that they differ by their
    actions alone; each run has a generator of its own, so that it depends on no other.

    Attributes:
        dynamics: what plans lead to.
        planner: searches for the plan of lowest cost.
        space: of the actions.
        options: horizon, frames to execute, and seed.
        propose: further first candidates.
        seconds: wall-clock time of all searches so far.
        cpu_seconds: processor time of all searches so far.
        searches: their number.
    """

    dynamics: Dynamics
    planner: Planner
    space: ActionSpace
    options: Options
    propose: Propose | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    searches: int = 0
    generators: dict[int, torch.Generator] = field(default_factory=dict)

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The first `execute` x interval actions of the best plan of each run, [n, A]."""
        wall, cpu = time.perf_counter(), time.process_time()
        horizon = min(self.options.horizon, -(-budget // self.space.interval))
        generators = [self._generator(run) for run in runs]
        future = self.dynamics.future(runs, horizon, generators)
        solution = solve(self.planner, self.space, self._initial(runs, horizon), future, generators)
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
        self.searches += len(runs)
        actions = self.space.actions(solution.plans)  # [B, H, interval, A]
        self._keep(runs, future, solution, actions)
        return list(actions[:, : self.options.execute].flatten(1, 2).numpy())

    def _initial(self, runs: Sequence[Run], horizon: int) -> Tensor:
        """The rests of the last plans, then proposals, [B, P, H, interval x A]."""
        rests = torch.stack([self._rest(run, horizon) for run in runs])[:, None]
        return rests if self.propose is None else torch.cat([rests, self.propose(runs, horizon)], 1)

    def _keep(
        self, runs: Sequence[Run], future: Future, solution: Solution, actions: Tensor
    ) -> None:
        """Note in each run the rest of its plan, and what is imagined under it."""
        imagined = future.imagined(actions)
        for row, run in enumerate(runs):
            run.plan = solution.plans[row, self.options.execute :]
            if imagined is not None:
                costs = solution.costs[:, row]
                run.replans.append(Replan(run.steps, imagined[row], costs))

    def _rest(self, run: Run, horizon: int) -> Tensor:
        """The rest of the last plan [H, interval x A], zeros (the mean action) after it."""
        rest = torch.zeros(0, self.space.size) if run.plan is None else run.plan[:horizon]
        return functional.pad(rest, (0, 0, 0, horizon - len(rest)))

    def _generator(self, run: Run) -> torch.Generator:
        if run.number not in self.generators:
            self.generators[run.number] = seeded(self.options.seed, run.number)
        return self.generators[run.number]


def solve(
    planner: Planner,
    space: ActionSpace,
    initial: Tensor,
    future: Future,
    generators: Sequence[torch.Generator],
) -> Solution:
    """The best plans for some futures, from first candidates [B, P, H, interval x A]."""
    low, high = space.bounds()
    problem = Problem(
        cost=lambda plans: future.cost(space.actions(plans)),
        initial=initial.clamp(low, high),
        generators=generators,
        low=low,
        high=high,
        choices=space.choices(),
        interval=space.interval,
    )
    return planner.plan(problem)
