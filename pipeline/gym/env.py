"""The worlds as Gymnasium environments: reach a goal state that is also shown as a picture."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.errors import UserError, did_you_mean
from pipeline.families import WORLDS
from pipeline.worlds import World, WorldOptions

TASK = ("state", "goal", "meta")

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class WorldEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """A world whose task is to come near a goal state; see `pipeline.worlds.World`.

    Observations: `pixels` and `goal`, uint8 [H, W, 3] RGB; `state` and `goal_state`, float32 [S] in
    the world's units. Actions: float32 [A] in the world's units; those outside of the action space
    are handed to the world as they are. Reward: minus the distance to the goal, in the world's
    units. An episode terminates when the world counts as having reached the goal, and `info` holds
    `distance` and `success`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(self, world: World, render_mode: str | None = None) -> None:
        """An environment of any world; `render_mode` is None or "rgb_array"."""
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
        """Begin the task that `options` give, or draw one.

        Args:
            seed: seeds the draw of this task and of those to come.
            options: any of `state` [S], `goal` [S], and `meta`, that of the recorded episode which
                a state is from; what is not given is drawn.

        Returns:
            The first observation, and `distance`, `success` and the task's `meta`.

        Raises:
            UserError: unknown options, or a state that does not fit the world.
        """
        super().reset(seed=seed)
        start, goal, meta = self.world.sample(self.np_random)
        given = options or {}
        for key in given:
            if key not in TASK:
                raise UserError(f"reset option {key!r} is unknown; {did_you_mean(key, TASK)}")
        meta = given.get("meta", meta)
        self.world.restore(self._state("goal", given.get("goal", goal)), meta)
        self.goal_state, self.goal = self.world.snapshot(), self.world.render()
        self.world.restore(self._state("state", given.get("state", start)), meta)
        return self._observe(), {**self._judge(), "meta": dict(meta)}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action [A]; never truncates, which is for `gymnasium.make` to do."""
        self.world.step(np.asarray(action, np.float32))
        info = self._judge()
        return self._observe(), -info["distance"], info["success"], False, info

    def render(self) -> NDArray[np.uint8] | None:  # type: ignore[override]
        """The present frame, uint8 [H, W, 3], if the render mode is "rgb_array"."""
        return self.world.render() if self.render_mode == "rgb_array" else None

    def _observe(self) -> Observation:
        return {
            "pixels": self.world.render(),
            "state": self.world.snapshot(),
            "goal": self.goal,
            "goal_state": self.goal_state,
        }

    def _judge(self) -> Info:
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
    """What `gymnasium.make` builds for the ids of `pipeline.gym.registration`.

    Worlds that MuJoCo draws do not survive a fork: give AsyncVectorEnv `context="spawn"`.
    """

    def __init__(self, world: str, render_mode: str | None = None, **options: object) -> None:
        """The environment of the world called `world`.

        Args:
            world: its name, as in params.yaml.
            render_mode: None or "rgb_array".
            options: the Options of the world; `episodes` and `steps` may be left out.

        Raises:
            UserError: an unknown world, or options that it does not have.
        """
        super().__init__(build(world, options), render_mode)


def build(name: str, options: Mapping[str, object]) -> World:
    """The world `name` with these options; how much it records may be left out.

    Raises:
        UserError: an unknown name or option, a missing option, or a value out of range.
    """
    module = WORLDS.load(name, "world")
    recording = {"episodes": 2, "steps": 2}  # an environment records nothing
    try:
        checked = module.Options.model_validate({**recording, **options})
    except ValidationError as error:
        raise UserError(f"world {name}: {_explain(error, module.Options)}") from None
    world = module.build(checked)
    if not isinstance(world, World):
        raise UserError(f"world {name} only records: it cannot be put into a state")
    return world


def _explain(error: ValidationError, options: type[WorldOptions]) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown option {key}; {did_you_mean(key, options.model_fields)}"
    if first["type"] == "missing":
        return f"option {key} is missing; give it"
    return f"{key} = {first['input']!r}: {first['msg'].removeprefix('Value error, ')}"
