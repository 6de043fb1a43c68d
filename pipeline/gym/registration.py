"""Ids of the worlds for Gymnasium.

Installing the package is enough for `gymnasium.make("NanoWM/PushT-v0")`: every `import gymnasium`
calls `register` through an entry point, so nothing heavy may be imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What an id stands for: a world, options as published, and steps until an episode is cut off.

    An id is a benchmark: whatever changes what it stands for needs a new version. That is why it
    does not follow params.yaml, which holds what is being studied.
    """

    world: str
    steps: int
    options: Mapping[str, object]


ENTRIES = {
    "NanoWM/Wall-v0": Entry(
        "wall", 100, {"size": 224, "dot_std": 1.7, "wall": 32, "doors": [30], "crossing": 0.4}
    ),
    "NanoWM/PushT-v0": Entry("pusht", 300, {"size": 224}),
    "NanoWM/PointMaze-v0": Entry("point_maze", 300, {"size": 224, "camera": "legacy"}),
    "NanoWM/Rope-v0": Entry("rope", 20, {"size": 224, "particles": 24}),
    "NanoWM/Granular-v0": Entry("granular", 20, {"size": 224, "particles": 49}),
    # Goals are where the collection policy gets to in so many steps.
    "NanoWM/RT1-v0": Entry("rt1", 50, {"height": 256, "width": 320, "steps": 24}),
}


def register() -> None:
    """Make the ids known to Gymnasium; calling it twice changes nothing."""
    # gymnasium itself is still being imported when it calls this.
    from gymnasium.envs import registration

    for name, entry in ENTRIES.items():
        if name not in registration.registry:
            registration.register(
                name,
                entry_point="pipeline.gym.env:NamedWorldEnv",
                max_episode_steps=entry.steps,
                kwargs={"world": entry.world, **entry.options},
            )
