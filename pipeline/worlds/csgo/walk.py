"""A player's way through a game, step by step."""

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
class Moment:
    """A view, the action [51] that follows, and whether the player died since the moment before."""

    view: View
    action: NDArray[np.float32]
    died: bool


def walk(game: "vizdoom.DoomGame", rng: np.random.Generator) -> Iterator[Moment]:
    """Wander for ever; who dies, or finds the exit, begins anew where the map begins."""
    walker, before = Wanderer(rng), None
    while True:
        died = game.is_player_dead()
        if game.is_episode_finished():
            game.new_episode()
            walker, before = Wanderer(rng), None
        view = look(game)
        moved = inf if before is None else dist(view.position, before)
        action = encode(walker.act(view.depth, moved, view.target))
        press(game, decode(action))
        yield Moment(view, action, died)
        before = view.position


def states(moments: Sequence[Moment]) -> NDArray[np.float32]:
    """What is known at each moment of a recording [T, 5], as of `pipeline.datasets.csgo`.

    Health, rounds and team are those of the moment before; a kill counts if it was the only one
    since then and the player lives (Pearce & Zhu 2021, `dm_pretrain_process.py`).
    """
    known = np.zeros((len(moments), 5), np.float32)
    known[1:, :3] = [(moment.view.health, moment.view.rounds, TEAM) for moment in moments[:-1]]
    died = np.array([moment.died for moment in moments[1:]])
    known[1:, 3] = (np.diff([moment.view.kills for moment in moments]) == 1) & ~died
    known[1:, 4] = died
    return known
