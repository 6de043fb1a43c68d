"""CSGO-like: a first-person walk through Doom maps, recorded in the format of Counter-Strike play.

ViZDoom (Wydmuch et al. 2018) cannot be restored exactly to a recorded state, so this world only
records; planning is skipped.
"""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.episodes.controls import Controls, Key, Look, Turn
from pipeline.episodes.csgo_actions import (
    MOUSE_X,
    MOUSE_X_BINS,
    MOUSE_Y,
    MOUSE_Y_BINS,
    encode,
)
from pipeline.episodes.csgo_actions import Controls as Pressed
from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import WorldOptions
from pipeline.worlds.csgo.game import play
from pipeline.worlds.csgo.walk import episode_states, walk

LONGEST_CLIP = 18  # frames that fit after every published validation start
PRESSED = (
    *(Key("KeyW", 0, "ahead", pad=12), Key("KeyA", 1, "left", pad=14)),
    *(Key("KeyS", 2, "back", pad=13), Key("KeyD", 3, "right", pad=15)),
    *(Key("Space", 4, "jump", pad=0), Key("ControlLeft", 5, "crouch", pad=1)),
    *(Key("ShiftLeft", 6, "walk", pad=4), Key("Digit1", 7, "primary weapon")),
    *(Key("Digit2", 8, "pistol", pad=3), Key("Digit3", 9, "knife")),
    *(Key("KeyR", 10, "reload", pad=2), Key("Mouse0", 11, "fire", pad=7)),
    Key("Mouse2", 12, "second function", pad=6),
)
"""In the order of the components of an action."""


class Options(WorldOptions):
    """Options of the csgo world."""

    episodes: int = Field(gt=1, le=5500)
    level: str = Field(pattern=r"^map(0[1-9]|[12]\d|3[0-2])$", description="map of Freedoom 2")
    skill: int = Field(ge=1, le=5, description="difficulty, 1 (easiest) to 5")
    lead_in: int = Field(ge=0, description="maximum of the random number of steps before recording")
    held_out: list[int] = Field(
        description="numbers, from 1, of the validation episodes (published: 3, 5, 19, ..)"
    )
    own_split: ClassVar[bool] = True


def build(options: Options) -> "Csgo":
    """The recorder."""
    return Csgo(options)


class Csgo:
    """A player among monsters; a `pipeline.worlds.Recorder`."""

    controls: ClassVar[Controls] = Controls(
        keys=PRESSED,
        look=Look(
            Turn(MOUSE_X_BINS.start, 1, 100, tuple(MOUSE_X.tolist())),
            Turn(MOUSE_Y_BINS.start, 1, 20, tuple(MOUSE_Y.tolist())),
        ),
        idle=tuple(encode(Pressed()).tolist()),
    )

    def __init__(self, options: Options) -> None:
        """A recorder; each episode is a game of its own."""
        self.options = options

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, each from a seed of its own.

        States [5]: health 0..100, rounds and 1 for the team, as of the previous step and 0 at the
        first; then 1 for a kill and 1 for a death since the previous step.
        """
        for number in range(1, episodes + 1):
            rng = np.random.default_rng([seed, number])
            latest = max(steps - LONGEST_CLIP, 0)
            start = int(rng.integers(min(latest, 1), latest + 1))
            meta: Meta = {"validation_start": start} if number in self.options.held_out else {}
            yield self._record(f"hdf5_dm_july2021_{number}", steps, meta, rng)

    def _record(self, key: str, steps: int, meta: Meta, rng: np.random.Generator) -> Episode:
        """Play one game; its last `steps` steps are recorded."""
        lead_in = int(rng.integers(self.options.lead_in + 1))
        with play(self.options.level, self.options.skill, int(rng.integers(2**31))) as game:
            records = list(islice(walk(game, rng), lead_in, lead_in + steps))
        return Episode(
            key=key,
            frames=np.stack([record.view.frame for record in records]),
            actions=np.stack([record.action for record in records]),
            states=episode_states(records),
            meta=meta,
        )
