"""CSGO-like: a first-person walk through rooms, recorded as Counter-Strike play is published.

ViZDoom (Wydmuch et al. 2018) cannot be put back into a recorded state exactly, so this world
records episodes and no plans are tried in it.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from pydantic import Field

from pipeline.episodes.episode import Episode, Meta
from pipeline.worlds import WorldOptions
from pipeline.worlds.csgo.game import play
from pipeline.worlds.csgo.walk import states, walk

LONGEST_CLIP = 18  # frames; the published validation starts leave room for as many


class Options(WorldOptions):
    """Where the player walks, and which episodes are held out."""

    episodes: int = Field(gt=1, le=5500)
    level: str = Field(pattern=r"^map(0[1-9]|[12]\d|3[0-2])$", description="map of Freedoom 2")
    skill: int = Field(ge=1, le=5, description="how hard monsters fight")
    lead_in: int = Field(ge=0, description="at most so many steps are walked before recording")
    held_out: list[int] = Field(
        description="numbers of the episodes that validate, from 1 on (published: 3, 5, 19, ..)"
    )


def build(options: Options) -> "Csgo":
    """The recorder."""
    return Csgo(options)


class Csgo:
    """One player among monsters; see `pipeline.worlds.Recorder`."""

    def __init__(self, options: Options) -> None:
        """Remember the options; each episode starts a game of its own."""
        self.options = options

    def collect(self, episodes: int, steps: int, seed: int) -> Iterator[Episode]:
        """Record `episodes` episodes of `steps` frames, each from its own seed.

        States [5] are health 0..100, rounds and 1 for the team, as of the step before and 0 at
        the first; then 1 for a kill and 1 for a death since the step before.
        """
        for number in range(1, episodes + 1):
            rng = np.random.default_rng([seed, number])
            latest = max(steps - LONGEST_CLIP, 0)
            start = int(rng.integers(min(latest, 1), latest + 1))
            meta: Meta = {"validation_start": start} if number in self.options.held_out else {}
            yield self._record(f"hdf5_dm_july2021_{number}", steps, meta, rng)

    def _record(self, key: str, steps: int, meta: Meta, rng: np.random.Generator) -> Episode:
        """One game, of which `steps` steps are kept."""
        skipped = int(rng.integers(self.options.lead_in + 1))
        with play(self.options.level, self.options.skill, int(rng.integers(2**31))) as game:
            moments = list(islice(walk(game, rng), skipped, skipped + steps))
        return Episode(
            key=key,
            frames=np.stack([moment.view.frame for moment in moments]),
            actions=np.stack([moment.action for moment in moments]),
            states=states(moments),
            meta=meta,
        )
