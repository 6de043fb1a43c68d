"""Gymnasium environments: the simulated worlds by their ids, and a model as one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from nanowm.dataset import Dataset
from nanowm.frames import single
from nanowm.stepping import State
from nanowm.world_model import WorldModel
from pipeline.errors import UserError, did_you_mean
from pipeline.gym.registration import register

START = ("frame", "goal_frame")
BOUNDLESS = 1e6
"""A range of actions this wide is none: imported checkpoints do not say what was recorded."""

Frame = NDArray[np.uint8]
Info = dict[str, Any]


class DreamEnv(gymnasium.Env[Frame, NDArray[np.float32]]):
    """An environment whose dynamics are a world model.

    Observations are its frames, uint8 [H, W, 3]. An action is what leads from a frame to the next:
    float32 [interval, A] in the data's units, [A] where the interval is 1; the action space is the
    range that was recorded, to which actions are not clipped. The reward is minus the mean squared
    latent distance to the goal frame, 0 where there is none. An episode never terminates: for a
    time limit, wrap it in `gymnasium.wrappers.TimeLimit`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        model: WorldModel,
        data: str | Path | Dataset | None = None,
        *,
        goal_frame: Frame | None = None,
        steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Make an environment of a model.

        Args:
            model: predicts what follows.
            data: shards (`data/NAME/shards`), or a Dataset of them, whose frames episodes start
                from; None if `reset` is always given one.
            goal_frame: uint8 [H, W, 3], what is to be seen; `reset` may give another.
            steps: denoising steps per frame; None for the model's own.
            render_mode: None or "rgb_array".

        Raises:
            UserError: the goal is no frame, or the data holds none.
        """
        self.model, self.steps, self.render_mode = model, steps, render_mode
        self._data = data if isinstance(data, Dataset) or data is None else Dataset(data, frames=1)
        self._goal_frame = goal_frame if goal_frame is None else single(goal_frame, "goal_frame")
        self.observation_space = spaces.Box(0, 255, model.frame_shape, np.uint8)
        self.action_space = _action_space(model)
        self._state: State | None = None

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Frame, Info]:
        """Start from a frame of the data, drawn at random, or from one given by `options`.

        Args:
            seed: of the start and of the model's noise, from this episode on.
            options: `frame` and `goal_frame`, uint8 [H, W, 3] each, or either of them.

        Returns:
            The first frame, as the model sees it, and where it is from (`episode`, `start`).

        Raises:
            UserError: an option is unknown or no frame, or there is nothing to start from.
        """
        super().reset(seed=seed)
        given = options or {}
        for key in given:
            if key not in START:
                raise UserError(f"reset option {key!r} is unknown; {did_you_mean(key, START)}")
        frame, info = self._start(given.get("frame"))
        goal = given.get("goal_frame", self._goal_frame)
        self._goal = None if goal is None else self.model.encode(single(goal, "goal_frame"))
        self._generator = torch.Generator().manual_seed(int(self.np_random.integers(2**62)))
        self._state = self.model.reset(frame)
        self._frame = self._seen(frame)
        return self._frame.copy(), info

    def step(self, action: NDArray[np.float32]) -> tuple[Frame, float, bool, bool, Info]:
        """The next frame under an action, and its reward; `info` has the `distance` to a goal.

        Raises:
            UserError: the action is not of the action space's shape, or there was no `reset`.
        """
        if self._state is None:
            raise UserError("step before the first reset; call reset")
        self._state, frame = self.model.step(
            self._state, action, steps=self.steps, generator=self._generator
        )
        self._frame = np.asarray(frame)
        if self._goal is None:
            return self._frame.copy(), 0.0, False, False, {}
        distance = float((self._state.latent - self._goal).square().mean())
        return self._frame.copy(), -distance, False, False, {"distance": distance}

    def render(self) -> Frame | None:  # type: ignore[override]
        """The current frame, uint8 [H, W, 3]; None unless the render mode is "rgb_array"."""
        return self._frame.copy() if self.render_mode == "rgb_array" else None

    def _start(self, given: Frame | None) -> tuple[Frame, Info]:
        if given is not None:
            return single(given, "frame"), {}
        if self._data is None:
            raise UserError(
                "nothing to start from; give the environment `data`, or reset it with options= "
                "{'frame': ...}"
            )
        clip = self._data[int(self.np_random.integers(len(self._data)))]
        if "frames" not in clip:
            raise UserError(f"{self._data.folder}: latents, not frames; give data/NAME/shards")
        return clip["frames"][0].numpy(), {"episode": clip["episode"], "start": clip["start"]}

    def _seen(self, frame: Frame) -> Frame:
        """A frame at the size at which the model sees it."""
        resized: Frame = self.model.dynamics.spec.view.apply(frame[None])[0].numpy()
        return np.ascontiguousarray(resized.transpose(1, 2, 0))


def make_env(
    id: str | None = None, *, model: WorldModel | None = None, **options: Any
) -> gymnasium.Env[Any, Any]:
    """A simulated world by its Gymnasium id, or a world model as an environment.

    Args:
        id: such as "NanoWM/PushT-v0"; see docs/worlds.md for all.
        model: in place of an id.
        options: those of `gymnasium.make`, such as `render_mode`; with a model, of `DreamEnv`.

    Raises:
        UserError: neither or both of id and model are given.
        gymnasium.error.Error: there is no such id.
    """
    if (id is None) == (model is None):
        raise UserError("make_env takes an id such as 'NanoWM/Wall-v0', or model=...; one of both")
    if model is not None:
        return DreamEnv(model, **options)
    register()
    assert id is not None
    return gymnasium.make(id, **options)


def _action_space(model: WorldModel) -> spaces.Box:
    actions = model.dynamics.spec.actions
    shape = (model.action_dim,) if model.interval == 1 else (model.interval, model.action_dim)
    low, high = (
        np.broadcast_to(np.array(actions[name], np.float32), shape) for name in ("min", "max")
    )
    low, high = np.where(low < -BOUNDLESS, -np.inf, low), np.where(high > BOUNDLESS, np.inf, high)
    return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
