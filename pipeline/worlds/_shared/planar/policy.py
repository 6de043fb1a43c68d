"""The collection policy: random pushes through a particle."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds._shared.planar import Positions

START_LIMIT = 4.0  # |x| and |y| of a push's start
END_LIMIT = 1.5  # |x| and |y| of its end
CLEARANCE = 0.2  # of the start from every particle
TARGET_RADIUS = 2.0  # targets are particles this close to the median
OVERSHOOT = (1.5, 2.0)  # distance along x from the target to the end
MAX_TRIES = 100_000


def sample_push(positions: Positions, rng: np.random.Generator) -> NDArray[np.float32]:
    """A push [4] through one of the particles [P, 2] (DINO-WM, `flex_env.py`)."""
    radius = np.linalg.norm(positions - np.median(positions, 0), axis=1)
    near = radius < TARGET_RADIUS
    targets = positions[near] if near.any() else positions
    for _ in range(MAX_TRIES):
        start, target = rng.uniform(-START_LIMIT, START_LIMIT, 2), rng.choice(targets)
        direction = target - start
        end = target + direction * (rng.uniform(*OVERSHOOT) / abs(direction[0]))
        clear = np.linalg.norm(positions - start, axis=1).min() > CLEARANCE
        if np.abs(end).max() < END_LIMIT and clear:
            return np.array([*start, *end], np.float32)
    raise AssertionError(f"no push reaches particles around {np.median(positions, 0)}")
