"""PointMaze: a ball is pushed through a U-shaped maze (D4RL maze2d, as used by DINO-WM, app. A).

A state is x, y, vx, vy in cells and cells/s. An action is the force on the ball for .05 s, relative
to the maximum. The ball has momentum: at 5 cells/s it needs .2 s to stop.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.controls import Controls, Stick
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World, WorldOptions
from pipeline.worlds._shared.record import record
from pipeline.worlds.point_maze.policy import Tour, random_action, random_state, spring
from pipeline.worlds.point_maze.scene import arm, camera, load

SUBSTEPS = 5
SPEED_LIMIT = 5.0  # cells/s along each axis, applied before each action
REACHED = 0.5  # success radius in cells, as published


class Options(WorldOptions):
    """Options of the point_maze world."""

    size: int = Field(ge=16, description="height and width of the frames in pixels")
    camera: Literal["full", "legacy"] = Field(
        description="full: the maze fills the frame; legacy: 62 % of it, as published"
    )
    tours: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of episodes that go to and fro between the arms (published: 0)",
    )

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.size, self.size


def build(options: Options) -> "PointMaze":
    """The world."""
    return PointMaze(options)


class PointMaze(World):
    """A ball in the U-maze; a `pipeline.worlds.World`."""

    state_dim = 4
    obstacles = True
    low, high = np.full(2, -1, np.float32), np.full(2, 1, np.float32)
    controls: ClassVar[Controls] = Controls(stick=Stick(0, 1, (1, 1)))

    def __init__(self, options: Options) -> None:
        """Start at rest at the end of the left arm."""
        import mujoco

        self.options = options
        self.model = load()
        self.data = mujoco.MjData(self.model)
        self.camera = camera(self.model, options.size, options.camera)
        self.restore(np.array([0.8, 0.8, 0, 0], np.float32), {})

    def sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Meta]:
        """A start and an unreached goal, both anywhere in the maze."""
        start, goal = random_state(rng), random_state(rng)
        while self.success(start, goal):
            goal = random_state(rng)
        return start, goal, {}

    def restore(self, state: NDArray[np.float32], meta: Meta) -> None:
        """Set the state [4]; `meta` is not used."""
        self.data.qpos[:], self.data.qvel[:] = np.split(np.asarray(state, np.float32), 2)

    def snapshot(self) -> NDArray[np.float32]:
        """The current state [4]."""
        return np.concatenate([self.data.qpos, self.data.qvel]).astype(np.float32)

    def step(self, action: NDArray[np.float32]) -> None:
        """Apply the force `action` [2] for .05 s; the motors clip it to -1..1."""
        import mujoco

        self.data.ctrl[:] = action
        np.clip(self.data.qvel, -SPEED_LIMIT, SPEED_LIMIT, out=self.data.qvel)
        # No warm start, which is not part of the state: a restored state continues bit for bit.
        self.data.qacc_warmstart[:] = 0
        mujoco.mj_step(self.model, self.data, SUBSTEPS)
        self.restore(self.snapshot(), {})  # rounded to float32, as the data set stores it

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [size, size, 3] RGB; x to the right, y downwards."""
        import mujoco

        mujoco.mj_kinematics(self.model, self.data)
        # The published frames are upside down: mujoco-py reads pixels from the bottom up.
        return self.camera.render(self.data)[::-1].copy()

    def distance(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> float:
        """Euclidean distance of the positions in cells; velocities are ignored."""
        return float(np.linalg.norm(np.asarray(state[:2], np.float64) - goal[:2]))

    def success(self, state: NDArray[np.float32], goal: NDArray[np.float32]) -> bool:
        """Within half a cell of the goal."""
        return self.distance(state, goal) < REACHED

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions [N, 2] in cells."""
        return states[:, :2]

    def straight(self, goal: NDArray[np.float32]) -> NDArray[np.float32]:
        """The force [2] of a critically damped spring between ball and goal, in its direction."""
        target = np.asarray(goal[:2], np.float64)
        return spring(self.data.qpos, self.data.qvel, target).astype(np.float32)

    def detour(self, goal: NDArray[np.float32]) -> bool:
        """Whether the goal lies in the other arm: a ball slides past corners, not out of an arm."""
        return arm(self.data.qpos) * arm(goal) < 0

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames with random actions, or on a tour."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self.restore(random_state(rng), {})
            touring = self.options.tours > 0 and rng.random() < self.options.tours
            policy = Tour(rng).act if touring else lambda _: random_action(rng)
            yield record(self, f"episode_{index:03d}", steps, policy, {})
