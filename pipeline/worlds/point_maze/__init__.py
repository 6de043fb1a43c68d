"""PointMaze: a ball is pushed through a U-shaped maze (D4RL maze2d, as used by DINO-WM, app. A).

A state is x, y, vx, vy in cells and cells a second. An action is the force on the ball, as a share
of the greatest, for .05 s. The ball has momentum: at 5 cells a second it needs .2 s to stop.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import Recording
from pipeline.worlds._shared.record import record
from pipeline.worlds.point_maze.policy import any_action, any_state
from pipeline.worlds.point_maze.scene import load, look

SUBSTEPS = 5
SPEED_LIMIT = 5.0  # along each axis, when an action begins
REACHED = 0.5  # success radius in cells, as published


class Options(Recording):
    """The look of the PointMaze world."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")
    camera: Literal["full", "legacy"] = Field(
        description="full: the maze fills the frame; legacy: it fills 62 % of it, as published"
    )


def build(options: Options) -> "PointMaze":
    """The simulator."""
    return PointMaze(options)


class PointMaze:
    """One ball in the U-maze; see `pipeline.worlds.World`."""

    state_dim = 4
    low, high = np.full(2, -1, np.float32), np.full(2, 1, np.float32)

    def __init__(self, options: Options) -> None:
        """Start at rest in the end of the left arm."""
        import mujoco

        self.options = options
        self.model = load()
        self.data = mujoco.MjData(self.model)
        self.camera = look(self.model, options.size, options.camera)
        self.restore(np.array([0.8, 0.8, 0, 0], np.float32), {})

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A start and a goal that is not reached yet, both anywhere in the maze."""
        start, goal = any_state(rng), any_state(rng)
        while self.success(start, goal):
            goal = any_state(rng)
        return start, goal, {}

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Put the ball at a state [4]; all episodes have the same maze."""
        self.data.qpos[:], self.data.qvel[:] = np.split(np.asarray(state, np.float32), 2)

    def snapshot(self) -> NDArray[np.float32]:
        """Position and velocity of the ball [4]."""
        return np.concatenate([self.data.qpos, self.data.qvel]).astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Push the ball with force `action` [2] for .05 s; the motors cut it to -1..1."""
        import mujoco

        self.data.ctrl[:] = action
        np.clip(self.data.qvel, -SPEED_LIMIT, SPEED_LIMIT, out=self.data.qvel)
        # What the solver remembers is no part of the state: a restored one continues bit for bit.
        self.data.qacc_warmstart[:] = 0
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        self.restore(self.snapshot(), {})  # float32 is what the data set stores

    def render(self) -> NDArray[np.uint8]:
        """The present frame, [size, size, 3]; x to the right, y downwards."""
        import mujoco

        mujoco.mj_kinematics(self.model, self.data)
        # The published frames are upside down, for mujoco-py reads pixels from the bottom upwards.
        return self.camera.render(self.data)[::-1].copy()

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance of the positions in cells; the velocities do not count."""
        return float(np.linalg.norm(np.asarray(state[:2], np.float64) - goal[:2]))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Within half a cell of the goal."""
        return self.distance(state, goal) < REACHED

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames with random actions."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self.restore(any_state(rng), {})
            yield record(self, f"episode_{index:03d}", steps, lambda _: any_action(rng), {})
