"""The collection policy of the PointMaze world: random starts and actions, or tours of the maze."""

import numpy as np
from numpy.typing import NDArray

LEFT_ARM, RIGHT_ARM, BASE = 1.1, 2.5, 2.5  # the U is x <= 1.1, x >= 2.5 or y >= 2.5
LOW, HIGH = 0.5, 3.1  # a tenth of a cell off the outer walls
MAX_SPEED = 5.2262554  # along an axis in D4RL's data, cells/s

ACCELERATION = 23.9  # cells/s^2 of the full force on the ball
FREQUENCY = 8.0  # rad/s of the spring: a second order system that settles in .5 s
STIFFNESS, DAMPING = FREQUENCY**2 / ACCELERATION, 2 * FREQUENCY / ACCELERATION

LEFT, RIGHT, BOTTOM = 0.8, 2.8, 2.8  # x of the middle of the arms, y of the middle of the base
ARRIVED = 0.3  # cells from its target at which a tour turns back

Vector = NDArray[np.float64]


def random_state(rng: np.random.Generator) -> NDArray[np.float32]:
    """A state [4], position uniform over the U, velocity uniform (DINO-WM's wrapper)."""
    while True:
        x, y = rng.uniform(LOW, HIGH, 2)
        if x <= LEFT_ARM or x >= RIGHT_ARM or y >= BASE:
            return np.array([x, y, *rng.uniform(-MAX_SPEED, MAX_SPEED, 2)], np.float32)


def random_action(rng: np.random.Generator) -> NDArray[np.float32]:
    """An action [2], uniform in -1..1 as published."""
    return rng.uniform(-1, 1, 2).astype(np.float32)


def spring(position: Vector, velocity: Vector, target: Vector) -> Vector:
    """The force [2] of a critically damped spring to a target [2], at most 1 along an axis."""
    force = STIFFNESS * (target - position) - DAMPING * velocity
    return force / max(1.0, float(np.abs(force).max()))


class Tour:
    """Goes round the wall from a random place in one arm to one in the other, to and fro."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the first place."""
        self.rng = rng
        self.target = np.array([rng.choice([LEFT, RIGHT]), rng.uniform(LOW, BASE)])

    def act(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next action [2]: half a spring to the next corner or the place, half random."""
        position, velocity = np.split(state.astype(np.float64), 2)
        if np.linalg.norm(position - self.target) < ARRIVED:
            other = RIGHT if self.target[0] == LEFT else LEFT
            self.target = np.array([other, self.rng.uniform(LOW, BASE)])
        force = spring(position, velocity, self._waypoint(position))
        return ((force + random_action(self.rng)) / 2).astype(np.float32)

    def _waypoint(self, position: Vector) -> Vector:
        """Where to go straight now [2]: no wall is in the way."""
        arm = LEFT if position[0] < (LEFT + RIGHT) / 2 else RIGHT
        if arm == self.target[0] and (position[0] <= LEFT_ARM or position[0] >= RIGHT_ARM):
            return self.target
        return np.array([arm if position[1] < BASE else self.target[0], BOTTOM])
