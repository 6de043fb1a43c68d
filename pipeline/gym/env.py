"""The worlds as goal-conditioned Gymnasium environments."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.errors import UserError, did_you_mean
from pipeline.gym.tasks import Task, checked_goals
from pipeline.worlds import WORLDS, World, WorldOptions

TASK = ("state", "goal", "meta")
GOALS = ("goal_steps", "detour")

Observation = dict[str, NDArray[Any]]
Info = dict[str, Any]


class WorldEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """A `pipeline.worlds.World` in which the task is to reach a goal state.

    Observations: `pixels` and `goal`, uint8 [H, W, 3] RGB; `state` and `goal_state`, float32 [S] in
    the world's units. Actions: float32 [A] in the world's units, not clipped to the action space.
    Reward: minus the distance to the goal, in the world's units. An episode terminates on success;
    `info` holds `distance`, `success` and the world's other scores (PushT: gym-pusht's `coverage`).
    All arrays are the caller's own, to keep or write to.

    Goals are drawn at random, as published, and may be out of reach; with `goal_steps` they are
    states that the collection policy reached from the start.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        world: World,
        render_mode: str | None = None,
        *,
        goal_steps: int | tuple[int, int] | None = None,
        detour: bool = False,
    ) -> None:
        """Wrap a world.

        Args:
            world: to act in.
            render_mode: None or "rgb_array".
            goal_steps: the most steps, or the least and the most, in which the collection policy
                reached the goals that are drawn; None draws them at random.
            detour: draw only goals to which the straight way is blocked: through Wall's door, or
                from arm to arm of PointMaze.

        Raises:
            UserError: goal_steps or detour is not one of these.
        """
        self.world = world
        self.goals = checked_goals(goal_steps, detour)
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
        """Start the task given by `options`; what they lack is drawn.

        Args:
            seed: of the tasks that are drawn from this one on.
            options: any of `state` [S], `goal` [S] and `meta` (of the episode that the states are
                from), and `goal_steps` and `detour` for this task alone.

        Returns:
            The first observation, and `distance`, `success`, the task's `meta`, and, if the
            goal was drawn by `goal_steps`, `actions` [n, A] that reach it.

        Raises:
            UserError: an option is unknown, a state has another size, NaN or infinity, one of state
                and goal is to be drawn by `goal_steps` and the other is not, or goals as wanted
                are too rare.
        """
        super().reset(seed=seed)
        task = self._task(options or {})
        self.world.restore(task.goal, task.meta)
        self.goal_state, self.goal = self.world.snapshot(), self.world.render()
        self.world.restore(task.start, task.meta)
        info = {**self._evaluate(), "meta": dict(task.meta)}
        if task.actions is not None:
            info["actions"] = task.actions.copy()
        return self._observe(), info

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

    def _task(self, options: Mapping[str, Any]) -> Task:
        known = (*TASK, *GOALS)
        for key in options:
            if key not in known:
                raise UserError(f"reset option {key!r} is unknown; {did_you_mean(key, known)}")
        steps = options.get("goal_steps", self.goals.steps)
        goals = checked_goals(steps, options.get("detour", self.goals.detour))
        given = {key for key in ("state", "goal") if key in options}
        if goals.steps is not None and len(given) == 1:
            raise UserError(
                f"goal_steps = {steps!r} draws state and goal together, but reset option "
                f"{given.pop()} is given; give both, or goal_steps=None"
            )
        rng = self.np_random
        task = Task(*self.world.sample(rng)) if given else goals.draw(self.world, rng)
        return Task(
            self._state("state", options.get("state", task.start)),
            self._state("goal", options.get("goal", task.goal)),
            options.get("meta", task.meta),
            None if given else task.actions,
        )

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
            **self.world.scores(state, self.goal_state),
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

    def __init__(
        self,
        world: str,
        render_mode: str | None = None,
        goal_steps: int | tuple[int, int] | None = None,
        detour: bool = False,
        **options: object,
    ) -> None:
        """Build the environment of a world.

        Args:
            world: name as in params.yaml.
            render_mode: None or "rgb_array".
            goal_steps: as in WorldEnv.
            detour: as in WorldEnv.
            options: Options of the world; `episodes` and `steps` may be omitted.

        Raises:
            UserError: the world or an option is unknown, missing or out of range.
        """
        super().__init__(build(world, options), render_mode, goal_steps=goal_steps, detour=detour)


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
