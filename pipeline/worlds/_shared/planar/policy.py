"""How pushes are drawn when episodes are collected."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds._shared.planar import Places

SPACE = 4.0  # pushes start within this of the middle, along each axis
ENDS = 1.5  # and end within this
CLEAR = 0.2  # starts keep this distance from every particle
NEAR = 2.0  # pushes aim at particles this close to the median
BEYOND = (1.5, 2.0)  # how far along x a push goes on behind the particle aimed at
TRIES = 100_000


def aim(places: Places, rng: np.random.Generator) -> NDArray[np.float32]:
    """A push [4] through one of the particles [P, 2] (DINO-WM, `flex_env.py`)."""
    off = np.linalg.norm(places - np.median(places, 0), axis=1)
    targets = places[off < NEAR] if (off < NEAR).any() else places
    for _ in range(TRIES):
        start, target = rng.uniform(-SPACE, SPACE, 2), rng.choice(targets)
        way = target - start
        end = target + way * (rng.uniform(*BEYOND) / abs(way[0]))
        if np.abs(end).max() < ENDS and np.linalg.norm(places - start, axis=1).min() > CLEAR:
            return np.array([*start, *end], np.float32)
    raise AssertionError(f"no push reaches particles around {np.median(places, 0)}")
