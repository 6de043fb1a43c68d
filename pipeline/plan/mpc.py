"""Model predictive control: search a plan in latent space, carry out its beginning, look again."""

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
from pipeline.planners import Planner


@dataclass(slots=True)
class Mpc:
    """A controller; see `pipeline.plan.controllers.Controller`.

    Plans are searched in standardised actions and cut to the range that was recorded: a model knows
    nothing about actions that it has never seen. All candidates of one search start from the same
    noise, so that they differ by their actions alone.
    """

    model: WorldModel
    encoder: Encoder
    planner: Planner
    sampling: Sampling
    options: Options
    seconds: list[float] = field(default_factory=list)
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Seed all that is drawn in planning."""
        self.generator = torch.Generator().manual_seed(self.options.seed)

    def act(self, frame: NDArray[np.uint8], task: Task) -> NDArray[np.float32]:
        """The first `execute` x interval actions of the best plan [n, A]."""
        begun = time.perf_counter()
        config, spec = self.model.config, self.model.spec
        present, goal = self._look(frame), self._look(task.goal_frame)
        horizon, shape = self.options.horizon, spec.latent_shape
        noise = self.sampling.noise(1, 1, horizon, shape, self.generator)

        def cost(plans: Tensor) -> Tensor:
            history = present.expand(len(plans), 1, *shape)
            future = self.model.rollout(history, self._actions(plans), noise, self.sampling)
            frames = torch.cat([history, future.cpu()], 1)
            return goal_distance(frames, goal[:, None], self.options.distance)

        start = torch.zeros(horizon, config.interval * spec.action_dim)
        plan = self._actions(self.planner.plan(cost, start, self.generator)[None])[0]
        self.seconds.append(time.perf_counter() - begun)
        return plan[: self.options.execute].flatten(0, 1).numpy()

    def _look(self, frame: NDArray[np.uint8]) -> Tensor:
        """Whitened latent [1, C, h, w] of one frame [H, W, 3]."""
        spec = self.model.spec
        return spec.whiten(self.encoder.encode(spec.view.apply(frame[None])).mean.cpu())

    def _actions(self, plans: Tensor) -> Tensor:
        """Standardised plans [N, H, interval x A] to actions [N, H, interval, A] as recorded."""
        spec = self.model.spec
        split = plans.unflatten(-1, (self.model.config.interval, spec.action_dim))
        actions = split * spec.action("std", plans) + spec.action("mean", plans)
        return actions.clamp(spec.action("min", plans), spec.action("max", plans))
