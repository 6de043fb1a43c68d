"""How episodes of PushT are collected: walk round the block, push it somewhere, and again."""

import numpy as np
from numpy.typing import NDArray

from pipeline.worlds.pusht.physics import BALANCE, REACH, SIDE, TAU, State, wrapped

STRIDE = 28.0  # pixels that the target is ahead: actions vary by .2, as published
NOISE = 0.08  # standard deviation added to every action, of an action's unit
ORBIT = 112.0  # pixels off the block's middle, clear of its corners, where the agent walks
LEAD = 0.6  # radians that the agent aims ahead on its orbit
BEHIND = 0.25  # radians off the line of a push at which it begins
BIAS = 0.9  # radians that a push may point away from the arena's middle
ASIDE = 40.0  # pixels that a push may miss the block's middle by, which turns the block
LENGTHS = (15, 35)  # steps of a push
MARGIN = 22.0  # pixels off the arena's edge that the agent keeps

Vector = NDArray[np.float64]


def random_state(rng: np.random.Generator) -> State:
    """The published random state [7], at rest; agent, block and walls may overlap."""
    agent, block = rng.integers(50, 450, 2), rng.integers(100, 400, 2)
    angle = wrapped(rng.normal() * TAU - np.pi)
    return np.array([*agent, *block, angle, 0, 0], np.float32)


class Pusher:
    """Chooses one push after another."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Have nothing in mind yet."""
        self.rng = rng
        self.left = 0  # steps of the present push still to do
        self.pushing = False
        self.direction, self.aside = 0.0, 0.0

    def act(self, state: State) -> NDArray[np.float32]:
        """The next action [2] in a state [7]."""
        agent, block = state[:2].astype(np.float64), _middle(state)
        if self.left == 0:
            self._choose(block)
        bearing = np.arctan2(*(agent - block)[::-1])
        turn = (self.direction - bearing) % TAU - np.pi  # to the far side of the push
        self.pushing |= abs(turn) < BEHIND
        if self.pushing:
            self.left -= 1
            way = self._push(agent - block)
        else:
            way = block + ORBIT * _unit(bearing + np.clip(turn, -LEAD, LEAD)) - agent
        way *= min(1.0, STRIDE / float(np.linalg.norm(way)))
        target = np.clip(agent + way, MARGIN, SIDE - MARGIN)
        action = (target - agent) / REACH + self.rng.normal(0, NOISE, 2)
        return np.clip(action, -1, 1).astype(np.float32)

    def _choose(self, block: Vector) -> None:
        """Where to push, towards the arena's middle more or less, and for how long."""
        inward = np.arctan2(*(SIDE / 2 - block)[::-1])
        self.direction = inward + self.rng.uniform(-BIAS, BIAS)
        self.aside = self.rng.uniform(-ASIDE, ASIDE)
        self.left = int(self.rng.integers(LENGTHS[0], LENGTHS[1], endpoint=True))
        self.pushing = False

    def _push(self, place: Vector) -> Vector:
        """The way on along the push, and onto its line, from a place relative to the block."""
        across = _unit(self.direction + np.pi / 2)
        return REACH * _unit(self.direction) + (self.aside - place @ across) / 2 * across


def _middle(state: State) -> Vector:
    """The block's centre of gravity [2]."""
    offset = BALANCE[1] * _unit(float(state[4]) + np.pi / 2)
    return state[2:4].astype(np.float64) + offset


def _unit(angle: float) -> Vector:
    return np.array([np.cos(angle), np.sin(angle)])
