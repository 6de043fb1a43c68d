"""PushT: a disc pushes a T-shaped block on a table (DINO-WM, Zhou et al. 2024, app. A).

A state [7] is agent x, y; block x, y, angle in [0, 2 pi); agent vx, vy, in pixels of a 512 x 512
world (y down), radians, and pixels/s. The block's position is the middle of its bar's outer edge.
An action [2] is the agent's target relative to the agent, in units of 100 px.

pymunk keeps more than a state: the velocity of a pushed block, and the impulses of its contacts.
Restoring a state recovers the former (see `Physics`) and loses the latter, so an episode continued
from its middle ends close to the recorded one, not equal. Measured on 400 segments of 25 steps:
agent within 0.0001 px; block within 0.01 px in 98.75 % (94 % of those that start while it is
pushed), 0.11 px on average, as a knife-edge contact may go either way (31 px once); 99.75 % end
within the success radius. Two replays from one state are equal bit for bit.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.episodes.controls import Controls, Pointer, Stick
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.worlds import World, WorldOptions
from pipeline.worlds._shared.record import record
from pipeline.worlds.pusht.coverage import coverage
from pipeline.worlds.pusht.physics import ACTION_UNIT, SIDE, TAU, Physics, State
from pipeline.worlds.pusht.policy import STRIDE, Pusher, random_state
from pipeline.worlds.pusht.renderer import Renderer

SHAPE = "T"
MAX_PIXELS, MAX_DEGREES = 20.0, 20.0  # success thresholds as published (pi / 9)
INITIAL = (128, 128, 256, 256, np.pi / 4, 0, 0)


class Options(WorldOptions):
    """Options of the pusht world."""

    size: int = Field(ge=16, description="height and width of the frames (published: 224)")
    own_split: ClassVar[bool] = True

    @property
    def frame_size(self) -> tuple[int, int]:
        """Height and width of the frames in pixels."""
        return self.size, self.size


def build(options: Options) -> "PushT":
    """The world."""
    return PushT(options)


class PushT(World):
    """An agent and a T on a table; a `pipeline.worlds.World`."""

    state_dim = 7
    low, high = np.full(2, -1, np.float32), np.full(2, 1, np.float32)
    controls: ClassVar[Controls] = Controls(
        stick=Stick(0, 1, (STRIDE / ACTION_UNIT,) * 2),
        pointer=Pointer((0, 1), (0, 1), SIDE, ACTION_UNIT),
    )

    def __init__(self, options: Options) -> None:
        """Start with the block on the rendered goal and the agent beside it."""
        self.renderer = Renderer(options.size)
        self.restore(np.array(INITIAL, np.float32), {"shape": SHAPE})

    def sample(self, rng: np.random.Generator) -> tuple[State, State, Meta]:
        """Two random states, at rest, drawn as published; a goal may be unreachable."""
        return random_state(rng), random_state(rng), {"shape": SHAPE}

    def restore(self, state: State, meta: Meta) -> None:
        """Set the state [7].

        Raises:
            DataError: the episode's block is no T.
        """
        if meta["shape"] != SHAPE:
            raise DataError(
                f"the PushT world has a block of shape {SHAPE!r}, not {meta['shape']!r}; "
                f"use episodes of shape {SHAPE!r} alone"
            )
        self.physics = Physics(state)

    def snapshot(self) -> State:
        """The current state [7]."""
        return self.physics.state()

    def step(self, action: NDArray[np.float32]) -> None:
        """Steer the agent for 0.1 s towards its target, 100 px times the action [2] away."""
        self.physics.step(action)

    def render(self) -> NDArray[np.uint8]:
        """The current frame, uint8 [size, size, 3] RGB."""
        return self.renderer.render(self.snapshot())

    def distance(self, state: State, goal: State) -> float:
        """Euclidean norm of the differences in position (pixels) and block angle (degrees).

        A pixel weighs as much as a degree, as in the success thresholds.
        """
        return float(np.hypot(*_errors(state, goal)))

    def success(self, state: State, goal: State) -> bool:
        """Positions of agent and block within 20 px jointly, block angle within 20 degrees."""
        pixels, degrees = _errors(state, goal)
        return pixels < MAX_PIXELS and degrees < MAX_DEGREES

    def scores(self, state: State, goal: State) -> dict[str, float]:
        """gym-pusht's `coverage` of the goal's block by the block, 0..1; it wants more than .95."""
        (_, _, x, y, angle, *_), (_, _, goal_x, goal_y, goal_angle, *_) = (
            pose.tolist() for pose in (state, goal)
        )
        return {"coverage": coverage((x, y, angle), (goal_x, goal_y, goal_angle))}

    def coordinates(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Positions of agent and block in pixels, and the block's angle, [N, 6].

        The angle is a point on a circle of 180 / pi: a degree is as far as a pixel.
        """
        radius, angles = np.degrees(1.0), states[:, 4]
        circle = radius * np.stack([np.cos(angles), np.sin(angles)], -1)
        return np.concatenate([states[:, :4], circle], 1).astype(np.float32)

    def straight(self, goal: State) -> NDArray[np.float32]:
        """The action [2] that leads the agent to its place in the goal; it leaves the block."""
        way = (np.asarray(goal[:2], np.float64) - self.snapshot()[:2]) / ACTION_UNIT
        return (way / max(1.0, np.abs(way).max())).astype(np.float32)

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, one push after another."""
        rng = np.random.default_rng(seed)
        for index in range(episodes):
            self._begin(rng)
            key, pusher = f"episode_{index:03d}", Pusher(rng)
            yield record(self, key, steps, pusher.act, {"shape": SHAPE})

    def _begin(self, rng: np.random.Generator) -> None:
        """Draw start states until one is static: nothing overlaps in it."""
        while True:
            start = random_state(rng)
            self.restore(start, {"shape": SHAPE})
            self.step(np.zeros(2, np.float32))
            if np.array_equal(self.snapshot(), start):
                self.restore(start, {"shape": SHAPE})
                return


def _errors(state: State, goal: State) -> tuple[float, float]:
    """Norm of the position differences (agent and block, 4-vector) in pixels; angle in degrees."""
    difference = np.asarray(goal, np.float64) - state
    angle = abs(difference[4]) % TAU
    degrees = np.degrees(min(angle, TAU - angle))
    return float(np.linalg.norm(difference[:4])), float(degrees)
