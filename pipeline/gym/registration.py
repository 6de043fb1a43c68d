"""Gymnasium ids of the worlds.

`gymnasium.make("pipeline.gym:NanoWM/PushT-v0")` imports `pipeline.gym`, which registers them; after
`import pipeline.gym` the id alone is enough. Gymnasium 1.0 has given up plugins, which 0.29 found
by an entry point.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gymnasium.envs import registration


@dataclass(frozen=True, slots=True)
class Entry:
    """Settings of an id: a world, its published options, and the step limit of an episode.

    An id is a benchmark: a change of its settings needs a new version. So it does not follow
    params.yaml.
    """

    world: str
    steps: int
    options: Mapping[str, object]


ENTRIES = {
    "NanoWM/Wall-v0": Entry(
        "wall",
        100,
        {
            "size": 224,
            "dot_std": 1.7,
            "wall": 32,
            "doors": [30],
            "crossing": 0.4,
            "pushing": 0.0,
            "distractor": None,
        },
    ),
    "NanoWM/PushT-v0": Entry("pusht", 300, {"size": 224}),
    "NanoWM/PointMaze-v0": Entry("point_maze", 300, {"size": 224, "camera": "legacy"}),
    "NanoWM/Rope-v0": Entry("rope", 20, {"size": 224, "particles": 24}),
    "NanoWM/Granular-v0": Entry("granular", 20, {"size": 224, "particles": 49}),
    "NanoWM/Room-v0": Entry(
        "room",
        100,
        {
            "height": 224,
            "width": 224,
            "view": 80,
            "boxes": 5,
            "rooms": [0],
            "depth": False,
            "jumping": None,
        },
    ),
    "NanoWM/Quadruped-v0": Entry("quadruped", 300, {}),
    # `steps`: of the collection policy, whose final states are the goals.
    "NanoWM/RT1-v0": Entry("rt1", 50, {"height": 256, "width": 320, "steps": 24}),
}


def register() -> None:
    """Register the ids with Gymnasium; idempotent."""
    for name, entry in ENTRIES.items():
        if name not in registration.registry:
            registration.register(
                name,
                entry_point="pipeline.gym.env:NamedWorldEnv",
                max_episode_steps=entry.steps,
                kwargs={"world": entry.world, **entry.options},
            )
