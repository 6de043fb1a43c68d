"""The worlds as goal-conditioned Gymnasium environments."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.errors import UserError, did_you_mean
from pipeline.worlds import WORLDS, World, WorldOptions

TASK = ("state", "goal", "meta")

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class WorldEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """A `pipeline.worlds.World` in which the task is to reach a goal state.

    Observations: `pixels` and `goal`, uint8 [H, W, 3] RGB; `state` and `goal_state`, float32 [S] in
    the world's units. Actions: float32 [A] in the world's units, not clipped to the action space.
    Reward: minus the distance to the goal, in the world's units. An episode terminates on success;
    `info` holds `distance` and `success`. All arrays are the caller's own, to keep or write to.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, world: World, render_mode: str | None = None) -> None:
        """Wrap a world; `render_mode` is None or "rgb_array"."""
        self.world = world
        self.render_mode = render_mode
        pixels = spaces.Box(0, 255, world.render().shape, np.uint8)
        state = spaces.Box(-np.inf, np.inf, (world.state_dim,), np.float32)
        self.observation_space = spaces.Dict(
            {"pixels": pixels, "state": state, "goal": pixels, "goal_state": state}
        )
        self.action_space = spaces.Box(world.low, world.high, dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, Info]:
        """Start the task given by `options`; what they lack is drawn at random.

        Args:
            seed: of the random tasks from this one on.
            options: any of `state` [S], `goal` [S] and `meta` (of the episode that the states are
                from).

        Returns:
            The first observation, and `distance`, `success` and the task's `meta`.

        Raises:
            UserError: an option is unknown, or a state has another size, NaN or infinity.
        """
        super().reset(seed=seed)
        start, goal, meta = self.world.sample(self.np_random)
        task = options or {}
        for key in task:
            if key not in TASK:
                raise UserError(f"reset option {key!r} is unknown; {did_you_mean(key, TASK)}")
        meta = task.get("meta", meta)
        self.world.restore(self._state("goal", task.get("goal", goal)), meta)
        self.goal_state, self.goal = self.world.snapshot(), self.world.render()
        self.world.restore(self._state("state", task.get("state", start)), meta)
        return self._observe(), {**self._evaluate(), "meta": dict(meta)}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action [A]; truncation is left to the TimeLimit of `gymnasium.make`."""
        self.world.step(np.asarray(action, np.float32))
        info = self._evaluate()
        return self._observe(), -info["distance"], info["success"], False, info

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """The current frame, uint8 [H, W, 3] RGB; None unless the render mode is "rgb_array"."""
        return self.world.render() if self.render_mode == "rgb_array" else None

    def _observe(self) -> Observation:
        return {
            "pixels": self.world.render(),
            "state": self.world.snapshot(),
            "goal": self.goal.copy(),
            "goal_state": self.goal_state.copy(),
        }

    def _evaluate(self) -> Info:
        state = self.world.snapshot()
        return {
            "distance": self.world.distance(state, self.goal_state),
            "success": self.world.success(state, self.goal_state),
        }

    def _state(self, name: str, values: Any) -> NDArray[np.float32]:
        state = np.asarray(values, np.float32)
        if state.shape != (self.world.state_dim,) or not np.isfinite(state).all():
            raise UserError(
                f"reset option {name} = {values!r} must be {self.world.state_dim} finite numbers"
            )
        return state


class NamedWorldEnv(WorldEnv):
    """The environment behind the ids of `pipeline.gym.registration`.

    MuJoCo's renderers do not survive a fork: use AsyncVectorEnv with `context="spawn"`.
    """

    def __init__(self, world: str, render_mode: str | None = None, **options: object) -> None:
        """Build the environment of a world.

        Args:
            world: name as in params.yaml.
            render_mode: None or "rgb_array".
            options: Options of the world; `episodes` and `steps` may be omitted.

        Raises:
            UserError: the world or an option is unknown, missing or out of range.
        """
        super().__init__(build(world, options), render_mode)


def build(name: str, options: Mapping[str, object]) -> World:
    """Build the world `name`; its options `episodes` and `steps` may be omitted.

    Raises:
        UserError: the world or an option is unknown, missing or out of range; or the world only
            records.
    """
    module = WORLDS.load(name, "world")
    recording = {"episodes": 2, "steps": 2}  # an environment records nothing
    try:
        checked = module.Options.model_validate({**recording, **options})
    except ValidationError as error:
        raise UserError(f"world {name}: {_explain(error, module.Options)}") from None
    world = module.build(checked)
    if not isinstance(world, World):
        raise UserError(f"world {name} only records: its state cannot be set")
    return world


def _explain(error: ValidationError, options: type[WorldOptions]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown option {key}; {did_you_mean(key, options.model_fields)}"
    if first["type"] == "missing":
        return f"option {key} is missing; give it"
    return f"{key} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
