"""Record one episode of a world, step by step."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import World

Policy = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From the current state [S] to an action [A]."""


def record(world: World, key: str, steps: int, policy: Policy, meta: Meta) -> Episode:
    """An episode of `steps` frames that starts in the world's current state."""
    frames, states, actions = [], [], []
    for _ in range(steps):
        frames.append(world.render())
        states.append(world.snapshot())
        actions.append(policy(states[-1]))
        world.step(actions[-1])
    cameras = world.cameras(np.stack(states), meta)
    return Episode(
        key, np.stack(frames), np.stack(actions), np.stack(states), meta, cameras=cameras
    )
