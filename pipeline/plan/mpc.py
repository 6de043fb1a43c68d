"""Model predictive control: plan in latent space, execute the beginning of the plan, replan."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.encoders import Encoder
from pipeline.plan import Options
from pipeline.plan.goal_distance import goal_distance
from pipeline.plan.tasks import Task
from pipeline.planners import Planner, Problem


@dataclass(slots=True)
class Mpc:
    """MPC on latent rollouts; a `Controller`.

    Plans are searched in standardised actions and clamped to the recorded range: a model knows
    nothing about actions that it was not trained on. All candidates of one search start from the
    same noise, so that they differ by their actions alone.

    Attributes:
        model: rolls out candidate plans.
        encoder: encodes the current frame and the goal.
        planner: searches for the plan of lowest cost.
        sampling: of the rollouts.
        options: horizon, distance and seed.
        seconds: of each replanning so far, wall clock.
        cpu_seconds: the same, of all threads.
        generator: draws all noise and candidates.
    """

    model: WorldModel
    encoder: Encoder
    planner: Planner
    sampling: Sampling
    options: Options
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Seed the generator of all noise and candidates."""
        self.generator = torch.Generator().manual_seed(self.options.seed)

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The first `execute` x interval actions of the best plan [n, A]."""
        start, cpu_start = time.perf_counter(), time.process_time()
        plan = self.plan(frame, task.goal_frame)
        self.seconds.append(time.perf_counter() - start)
        self.cpu_seconds.append(time.process_time() - cpu_start)
        return plan[: self.options.execute].flatten(0, 1).numpy()

    def plan(self, frame: NDArray[np.uint8], goal_frame: NDArray[np.uint8]) -> Tensor:
        """The best plan [H, interval, A] in the world's units, from a frame [H, W, 3] to a goal."""
        config, spec = self.model.config, self.model.spec
        current, goal = self._encode(frame), self._encode(goal_frame)  # [1, C, h, w] each
        horizon, shape = self.options.horizon, spec.latent_shape
        noise = self.sampling.noise(1, 1, horizon, shape, self.generator)

        def cost(plans: Tensor) -> Tensor:
            history = current.expand(plans.shape[1], 1, *shape)  # [N, 1, C, h, w]
            future = self.model.rollout(history, self._actions(plans[0]), noise, self.sampling)
            frames = torch.cat([history, future.cpu()], 1)  # [N, 1 + H, C, h, w]
            return goal_distance(frames, goal[:, None], self.options.distance)[None]

        start = torch.zeros(1, 1, horizon, config.interval * spec.action_dim)
        low, high = (self._bound(name, start) for name in ("min", "max"))
        solution = self.planner.plan(Problem(cost, start, [self.generator], low, high))
        return self._actions(solution.plans)[0]

    def _bound(self, name: str, like: Tensor) -> Tensor:
        """The lowest or highest recorded action, standardised, [interval x A]."""
        spec = self.model.spec
        bound = (spec.action(name, like) - spec.action("mean", like)) / spec.action("std", like)
        return bound.expand(self.model.config.interval, -1).flatten()

    def _encode(self, frame: NDArray[np.uint8]) -> Tensor:
        """Whitened latent [1, C, h, w] of a frame uint8 [H, W, 3]."""
        spec = self.model.spec
        return spec.whiten(self.encoder.encode(spec.view.apply(frame[None])).mean.cpu())

    def _actions(self, plans: Tensor) -> Tensor:
        """Standardised plans [N, H, interval x A] to actions [N, H, interval, A], unscaled."""
        spec = self.model.spec
        split = plans.unflatten(-1, (self.model.config.interval, spec.action_dim))
        actions = split * spec.action("std", plans) + spec.action("mean", plans)
        return actions.clamp(spec.action("min", plans), spec.action("max", plans))
