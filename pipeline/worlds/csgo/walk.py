"""Run the collection policy in a game, and derive the published states from what it recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import dist, inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.csgo_actions import decode, encode
from pipeline.worlds.csgo.game import View, look, press
from pipeline.worlds.csgo.policy import Wanderer

if TYPE_CHECKING:
    import vizdoom


TEAM = 1.0  # counter-terrorists


@dataclass(frozen=True, slots=True)
class Record:
    """One step: the view, the action [51], and whether the player died since the last step."""

    view: View
    action: NDArray[np.float32]
    died: bool


def walk(game: "vizdoom.DoomGame", rng: np.random.Generator) -> Iterator[Record]:
    """Steps of the policy without end; after death or the exit it restarts where the map begins."""
    policy, previous = Wanderer(rng), None
    while True:
        died = game.is_player_dead()
        if game.is_episode_finished():
            game.new_episode()
            policy, previous = Wanderer(rng), None
        view = look(game)
        moved = inf if previous is None else dist(view.position, previous)
        action = encode(policy.act(view.depth, moved, view.target))
        press(game, decode(action))
        yield Record(view, action, died)
        previous = view.position


def episode_states(records: Sequence[Record]) -> NDArray[np.float32]:
    """States [T, 5] of an episode as published, see `pipeline.formats.csgo`.

    Health, rounds and team are those of the previous step; a kill counts if it was the only one
    since then and the player lives (Pearce & Zhu 2021, `dm_pretrain_process.py`).
    """
    states = np.zeros((len(records), 5), np.float32)
    states[1:, :3] = [(record.view.health, record.view.rounds, TEAM) for record in records[:-1]]
    died = np.array([record.died for record in records[1:]])
    states[1:, 3] = (np.diff([record.view.kills for record in records]) == 1) & ~died
    states[1:, 4] = died
    return states
