"""World models for the solvers of stable-worldmodel (0.1.1): CEM, iCEM, MPPI, gradient and others.

    cost = CostModel(nanowm.load("models/wall/tiny_vae"))
    solver = CEMSolver(cost, num_samples=64, n_steps=4, topk=8)
    config = PlanConfig(horizon=2, receding_horizon=1, action_block=cost.interval)
    policy = WorldModelPolicy(solver, config, process={"action": cost.action_scaler})

This module does not import stable-worldmodel: what is called like its protocols is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nanowm.frames import Array, pixels
from nanowm.world_model import WorldModel
from pipeline.diffusion.futures import Futures
from pipeline.diffusion.sampling import Noise
from pipeline.errors import UserError
from pipeline.plan import Distance
from pipeline.plan.action_space import ActionSpace
from pipeline.plan.goal_distance import METRICS, plan_costs


@dataclass(frozen=True, slots=True)
class ActionScaler:
    """Actions of the environment to those that solvers search among, and back.

    Solvers draw standard normal candidates, so these are standardised: about -2..2 was recorded. A
    `Transformable` of stable-worldmodel: give it to its policies as `process={"action": ...}`.

    Attributes:
        space: of the actions of one environment step.
    """

    space: ActionSpace

    def transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Actions [..., A] in the data's units, standardised."""
        return self.space.standardised(np.asarray(x, np.float32)[..., None, :]).numpy()

    def inverse_transform(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Standardised actions [..., A] in the data's units, within the range that was recorded."""
        return self.space.actions(torch.from_numpy(np.asarray(x, np.float32)))[..., 0, :].numpy()

    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The lowest and the highest recorded action, standardised, [A] each."""
        low, high = self.space.bounds()
        return low.numpy(), high.numpy()


@dataclass(frozen=True, slots=True)
class Start:
    """Where the plans of B environments begin, encoded once for all that are tried.

    Attributes:
        seen: what the solver gave: pixels and goal, to know them again.
        futures: the current frames.
        goal: whitened latents [B, 1, C, h, w].
        noise: from which the frames of every candidate are denoised.
    """

    seen: tuple[Any, Any]
    futures: Futures
    goal: Tensor
    noise: Noise


class CostModel:
    """A world model whose `get_cost` stable-worldmodel's solvers minimise; a `Costable`.

    The cost of a candidate is the distance of its predicted latents to the goal's, as in the stage
    plan. All candidates of an environment are denoised from the same noise, so that they differ by
    their actions alone. Gradients pass through it to the candidates.

    Attributes:
        interval: environment steps of a model frame: `action_block` of a `PlanConfig`.
        action_scaler: to and from the standardised actions that candidates are made of.
    """

    def __init__(
        self,
        model: WorldModel,
        *,
        steps: int = 2,
        sampler: str | None = None,
        frames: Literal["last", "all", "min"] = "last",
        metric: Literal["mse", "cosine"] = "mse",
        base: float = 2.0,
        rows: int = 256,
        seed: int = 0,
    ) -> None:
        """Cost plans by a world model.

        Args:
            model: predicts what plans lead to.
            steps: denoising steps per frame.
            sampler: order of denoising within a window, a name in pipeline/samplers; None for the
                model's own.
            frames: which predicted frames count; `min` is the one that comes closest.
            metric: of latents.
            base: with frames `all`, frame i has weight base^i.
            rows: candidates that pass through the network at a time, which memory grows with.
            seed: of the noise.

        Raises:
            ParamsError: no such sampler, or steps out of range.
        """
        self.model, self.rows, self.seed = model, rows, seed
        self.sampling = model.dynamics.sampling(sampler, steps)
        self.distance = Distance(frames=frames, metric=metric, base=base, blur=0.0)
        self.interval = model.interval
        self.space = ActionSpace(model.dynamics.spec, model.interval)
        self.action_scaler = ActionScaler(ActionSpace(model.dynamics.spec, 1))
        self._start: Start | None = None

    def get_cost(self, info_dict: Mapping[str, Any], action_candidates: Tensor) -> Tensor:
        """Costs [B, S] of S candidates for each of B environments.

        Args:
            info_dict: `pixels`, the frames so far, and `goal`, uint8 [B, S, T, H, W, 3] each, the
                same for all S as solvers repeat them; the last frame counts. Other keys do not.
            action_candidates: standardised [B, S, horizon, interval x A].

        Raises:
            UserError: pixels, goal or candidates are missing or of another shape.
        """
        self._check(action_candidates)
        start = self._started(info_dict, action_candidates.shape[2])
        actions = self.space.actions(action_candidates)  # [B, S, F, interval, A]
        latents = start.futures.rollout(actions, start.noise, self.sampling, self.rows)
        metric = METRICS[self.distance.metric]
        costs = plan_costs(latents, start.futures.history, start.goal, metric, self.distance)
        return costs.to(action_candidates)

    def criterion(self, info_dict: Mapping[str, Any], action_candidates: Tensor) -> Tensor:
        """`get_cost`; the protocol has both."""
        return self.get_cost(info_dict, action_candidates)

    def _check(self, candidates: Tensor) -> None:
        size = self.space.size
        if candidates.ndim != 4 or candidates.shape[-1] != size:
            raise UserError(
                f"action_candidates are {list(candidates.shape)}, not [B, S, horizon, {size}]: the "
                f"model takes {self.interval} actions of {self.model.action_dim} from one frame to "
                f"the next, so set action_block = {self.interval} in PlanConfig"
            )

    def _started(self, info: Mapping[str, Any], horizon: int) -> Start:
        """Encode what the solver is given, once for all its rounds."""
        seen = _given(info, "pixels"), _given(info, "goal")
        start = self._start
        known = start is not None and all(a is b for a, b in zip(start.seen, seen, strict=True))
        if start is None or not known or start.noise.start.shape[1] != horizon:
            now, goal = (self.model.encode(_last(frames)) for frames in seen)  # [B, 1, C, h, w]
            past = now.new_zeros(len(now), 0, self.interval, self.model.action_dim)
            generator = torch.Generator().manual_seed(self.seed)
            noise = self.sampling.noise(
                len(now), 1, horizon, self.model.dynamics.spec.latent_shape, generator
            )
            start = Start(seen, Futures(self.model.dynamics, now, past), goal, noise)
            self._start = start
        return start


def _given(info: Mapping[str, Any], key: str) -> Array:
    """Frames uint8 [B, S, T, H, W, 3]."""
    if key not in info:
        raise UserError(f"info has no {key!r}, only {', '.join(sorted(info))}; a plan needs both")
    frames: Array = info[key]
    if frames.ndim != 6:
        raise UserError(
            f"info[{key!r}] is {list(frames.shape)}, not uint8 [B, S, T, height, width, 3]; give "
            "frames as the environment renders them, without a transform"
        )
    return frames


def _last(frames: Array) -> NDArray[np.uint8]:
    """The last frame of each environment [B, 1, H, W, 3], of the first of its equal candidates."""
    return pixels(frames[:, 0, -1:])
