"""The collection policy of the PointMaze world: random starts and actions."""

import numpy as np
from numpy.typing import NDArray

LEFT_ARM, RIGHT_ARM, BASE = 1.1, 2.5, 2.5  # the U is x <= 1.1, x >= 2.5 or y >= 2.5
LOW, HIGH = 0.5, 3.1  # a tenth of a cell off the outer walls
MAX_SPEED = 5.2262554  # along an axis in D4RL's data, cells/s


def random_state(rng: np.random.Generator) -> NDArray[np.float32]:
    """A state [4], position uniform over the U, velocity uniform (DINO-WM's wrapper)."""
    while True:
        x, y = rng.uniform(LOW, HIGH, 2)
        if x <= LEFT_ARM or x >= RIGHT_ARM or y >= BASE:
            return np.array([x, y, *rng.uniform(-MAX_SPEED, MAX_SPEED, 2)], np.float32)


def random_action(rng: np.random.Generator) -> NDArray[np.float32]:
    """An action [2], uniform in -1..1 as published."""
    return rng.uniform(-1, 1, 2).astype(np.float32)
