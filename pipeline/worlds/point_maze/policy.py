"""Where the ball of the PointMaze world starts, and how it is driven."""

import numpy as np
from numpy.typing import NDArray

LEFT_ARM, RIGHT_ARM, BASE = 1.1, 2.5, 2.5  # the U: x below, x above, y above
NEAREST, FARTHEST = 0.5, 3.1  # a tenth of a cell off the outer walls
FASTEST = 5.2262554  # the greatest speed along an axis in D4RL's data


def any_state(rng: np.random.Generator) -> NDArray[np.float32]:
    """A state [4] with the ball uniform on the U, its velocity uniform (DINO-WM's wrapper)."""
    while True:
        x, y = rng.uniform(NEAREST, FARTHEST, 2)
        if x <= LEFT_ARM or x >= RIGHT_ARM or y >= BASE:
            return np.array([x, y, *rng.uniform(-FASTEST, FASTEST, 2)], np.float32)


def any_action(rng: np.random.Generator) -> NDArray[np.float32]:
    """An action [2], uniform over all that the motors can do, as published."""
    return rng.uniform(-1, 1, 2).astype(np.float32)
