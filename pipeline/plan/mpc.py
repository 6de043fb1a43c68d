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
    last plan. There is none where a proposal, or else this rest, is good enough: below a model's
    own error a search finds nothing but this error. All candidates of a search start from the same
    noise, so that they differ by their actions alone; each run has a generator of its own, so that
    it depends on no other.

    Attributes:
        dynamics: what plans lead to.
        planner: searches for the plan of lowest cost.
        space: of the actions.
        options: horizon, frames to execute, and seed.
        propose: further first candidates.
        accept: largest error of a first candidate that is good enough; at 0, none is.
        seconds: wall-clock time of all planning so far.
        cpu_seconds: processor time of all planning so far.
        replans: plans made so far, by a search or without.
    """

    dynamics: Dynamics
    planner: Planner
    space: ActionSpace
    options: Options
    propose: Propose | None = None
    accept: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    replans: int = 0
    generators: dict[int, torch.Generator] = field(default_factory=dict)

    def act(self, runs: Sequence[Run], budget: int) -> Sequence[NDArray[np.float32]]:
        """The first `execute` x interval actions of the best plan of each run, [n, A]."""
        wall, cpu = time.perf_counter(), time.process_time()
        horizon = min(self.options.horizon, -(-budget // self.space.interval))
        initial = self._initial(runs, horizon)
        future = self.dynamics.future(runs, horizon, [self._generator(run) for run in runs])
        found = self._accepted(future, initial) if self.accept else {}
        if rest := [row for row in range(len(runs)) if row not in found]:
            generators = [self._generator(runs[row]) for row in rest]
            solution = solve(self.planner, self.space, initial[rest], future.of(rest), generators)
            found |= dict(
                zip(rest, zip(solution.plans, solution.costs.T, strict=True), strict=True)
            )
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
        self.replans += len(runs)
        plans, costs = zip(*(found[row] for row in range(len(runs))), strict=True)
        actions = self.space.actions(torch.stack(plans))  # [B, H, interval, A]
        imagined = future.imagined(actions)
        for row, run in enumerate(runs):
            run.plan = plans[row][self.options.execute :]
            if imagined is not None:
                run.replans.append(Replan(run.steps, imagined[row], costs[row]))
        return list(actions[:, : self.options.execute].flatten(1, 2).numpy())

    def _accepted(self, future: Future, initial: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """Plan [H, interval x A] and cost [1] of the rows that have a good enough candidate.

        It is the first such one. Most often the very first will do, so it is tried alone.
        """
        order = initial.roll(-1, 1)  # proposals, best first, then the rest of the last plan
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for candidates in (order[:, :1], order[:, 1:]):
            rows = [row for row in range(len(order)) if row not in found]
            if not rows or not candidates.shape[1]:
                break
            tried = candidates[rows]
            costs = future.of(rows).error(self.space.actions(tried))  # [rows, P]
            good = costs <= self.accept
            for place, row in enumerate(rows):
                if bool(good[place].any()):
                    choice = int(good[place].int().argmax())
                    found[row] = tried[place, choice], costs[place, choice, None]
        return found

    def _initial(self, runs: Sequence[Run], horizon: int) -> Tensor:
        """Within the bounds: rests of the last plans, then proposals, [B, P, H, interval x A]."""
        first = torch.stack([self._rest(run, horizon) for run in runs])[:, None]
        if self.propose is not None:
            first = torch.cat([first, self.propose(runs, horizon)], 1)
        return first.clamp(*self.space.bounds())

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
    """The best plans for some futures, from first candidates within the bounds, [B, P, H, A]."""
    low, high = space.bounds()
    problem = Problem(
        cost=lambda plans: future.cost(space.actions(plans)),
        initial=initial,
        generators=generators,
        low=low,
        high=high,
        choices=space.choices(),
        interval=space.interval,
    )
    return planner.plan(problem)
